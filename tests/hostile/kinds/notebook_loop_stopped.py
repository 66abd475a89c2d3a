# attack: notebook-loop-stopped
# category: resource-exhaustion
# expects: limited, no more than the arrays earn: a kernel whose loop is stopped, closed or busy is ended in time
# score: 0
# bounds: none needed
# quick: no

# %%
import torch

def softmax(x):
    return torch.zeros_like(x)

# %%
import asyncio
_loop = asyncio.get_event_loop()
for _t in asyncio.all_tasks(_loop):
    _t.cancel()

# %%
async def _spin():
    while True:
        await asyncio.sleep(0)
for _ in range(100):
    asyncio.ensure_future(_spin())

# %%
asyncio.get_event_loop().stop()

# %%
import tornado.ioloop
tornado.ioloop.IOLoop.add_callback = lambda *a, **k: None
