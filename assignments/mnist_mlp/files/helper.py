"""Small helpers of the course: a batch of digits, and pictures of what a network sees and thinks.

matplotlib is imported only where a picture is drawn, so everything else works without it.
"""

from pathlib import Path

import torch

PLACES = ("~/.pytorch/MNIST_data", "data", "MNIST_data")
FASHION = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

# Which of seven strokes each digit has: top, upper left, upper right, middle, lower left, lower right, bottom.
STROKES = (
    "1110111",
    "0010010",
    "1011101",
    "1011011",
    "0111010",
    "1101011",
    "1101111",
    "1010010",
    "1111111",
    "1111011",
)
LINES = (
    (6, 9, 6, 18),
    (6, 9, 13, 9),
    (6, 18, 13, 18),
    (13, 9, 13, 18),
    (13, 9, 20, 9),
    (13, 18, 20, 18),
    (20, 9, 20, 18),
)


def mnist_batch(size=64, seed=0):
    """The first ``size`` training pictures of MNIST: images (size, 1, 28, 28) from -1 to 1, labels (size,).

    Nothing is downloaded. Where MNIST is not on this machine, digits are drawn with straight strokes instead,
    and a line is printed that says so.
    """
    for place in PLACES:
        raw = Path(place).expanduser() / "MNIST" / "raw"
        images, labels = raw / "train-images-idx3-ubyte", raw / "train-labels-idx1-ubyte"
        if images.is_file() and labels.is_file():
            print(f"{size} pictures of MNIST from {place}")
            return _scaled(_read(images, 16, size * 784).view(size, 1, 28, 28)), _read(labels, 8, size).long()
    print(f"MNIST is not on this machine: these {size} pictures are drawn look-alikes, not real handwriting")
    return _drawn(size, torch.Generator().manual_seed(seed))


def imshow(image, ax=None, title=None, normalize=True):
    """Show a picture of shape (channels, height, width). ``normalize`` brings -1…1 back to 0…1."""
    import matplotlib.pyplot as plt

    if ax is None:
        _, ax = plt.subplots()
    picture = torch.as_tensor(image).detach().cpu().float()
    picture = (picture / 2 + 0.5).clamp(0, 1) if normalize else picture
    picture = picture.permute(1, 2, 0)
    ax.imshow(picture.squeeze(-1).numpy(), cmap="gray" if picture.shape[-1] == 1 else None)
    ax.set_title(title or "")
    ax.axis("off")
    return ax


def view_recon(img, recon):
    """Show a picture beside its reconstruction, both of shape (1, 28, 28) or flat."""
    import matplotlib.pyplot as plt

    _, axes = plt.subplots(ncols=2, sharex=True, sharey=True)
    for ax, picture, title in zip(axes, (img, recon), ("picture", "reconstruction"), strict=True):
        ax.imshow(picture.detach().cpu().reshape(28, 28).numpy(), cmap="gray")
        ax.set_title(title)
        ax.axis("off")


def view_classify(img, ps, version="MNIST"):
    """Show a picture of 28 x 28 and the ten probabilities that a network gives it."""
    import matplotlib.pyplot as plt

    chances = ps.detach().cpu().reshape(-1).numpy()
    names = FASHION if version == "Fashion" else [str(digit) for digit in range(10)]
    _, (left, right) = plt.subplots(figsize=(6, 9), ncols=2)
    left.imshow(img.detach().cpu().reshape(28, 28).numpy(), cmap="gray")
    left.axis("off")
    right.barh(range(len(chances)), chances)
    right.set_yticks(range(len(chances)))
    right.set_yticklabels(names[: len(chances)])
    right.set_xlim(0, 1.1)
    right.set_title("Class probability")
    plt.tight_layout()


def test_network(net, trainloader):
    """Show one random picture of a loader with the network's opinion; the network returns log-probabilities."""
    images, _ = next(iter(trainloader))
    picture = images[int(torch.randint(len(images), (1,)))]
    with torch.no_grad():
        ps = torch.exp(net(picture.reshape(1, -1)))
    view_classify(picture, ps)


test_network.__test__ = False  # a helper, whatever a test runner may think of its name


def _read(path, skip, count):
    with path.open("rb") as file:
        file.seek(skip)
        return torch.frombuffer(bytearray(file.read(count)), dtype=torch.uint8)


def _scaled(images):
    return images.float() / 127.5 - 1


def _drawn(size, rng):
    """Digits of seven strokes, each picture slanted, moved and smeared a little differently."""
    labels = torch.randint(10, (size,), generator=rng)
    images = torch.zeros(size, 1, 28, 28)
    for image, label in zip(images, labels, strict=True):
        dy, dx = (int(d) for d in torch.randint(-2, 3, (2,), generator=rng))
        slant = float(torch.rand(1, generator=rng)) * 0.3
        for on, line in zip(STROKES[int(label)], LINES, strict=True):
            if on == "1":
                _stroke(image[0], line, dy, dx, slant)
    images = torch.nn.functional.avg_pool2d(images, 3, stride=1, padding=1) * 1.6
    images = images + 0.05 * torch.rand(images.shape, generator=rng)
    return images.clamp(0, 1) * 2 - 1, labels


def _stroke(picture, line, dy, dx, slant):
    top, left, bottom, right = line
    for t in torch.linspace(0, 1, 24).tolist():
        y = round(top + t * (bottom - top)) + dy
        x = round(left + t * (right - left) + slant * (14 - y)) + dx
        picture[y : y + 2, x : x + 2] = 1
