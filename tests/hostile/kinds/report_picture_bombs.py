# attack: report-picture-bombs
# category: report-injection
# expects: full points: pictures that are none, or that open to gigabytes, are not shown or cost nothing
# score: full
# bounds: none needed
# quick: no

# %%
import torch

def softmax(x):
    e = torch.exp(x - x.max(dim=1, keepdim=True).values)
    return e / e.sum(dim=1, keepdim=True)

# %%
import base64, struct, zlib
from IPython.display import display

def _png(width, height, extra=b""):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    packer = zlib.compressobj(9)
    row = b"\0" * (1 + width // 8)
    body = b"".join(packer.compress(row * 1000) for _ in range(height // 1000)) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)) + extra + chunk(b"IDAT", body) + chunk(b"IEND", b"")

for _data in (_png(50_000, 50_000), _png(8, 1000)[:40] + b"<script>XSS-FIRED</script>", b"GIF89a/*<script>XSS-FIRED</script>*/=1;", b"\x89PNG\r\n\x1a\n" + b"A" * 100):
    display({"image/png": base64.b64encode(_data).decode(), "text/plain": "picture"}, raw=True)
    display({"image/jpeg": base64.b64encode(_data).decode(), "image/gif": base64.b64encode(_data).decode()}, raw=True)
for _i in range(400):
    display({"image/png": base64.b64encode(_png(8, 1000)).decode()}, raw=True)
