# title: Slices of shuffled copies, and other names

# %%
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(1)
y = (torch.randperm(1200) % 2).to(torch.get_default_dtype())[:, None]
X = torch.where(y > 0.5, torch.tensor([[3.0, -0.5]]), torch.tensor([[-2.0, 0.5]])) + torch.randn(1200, 2)


# %%
class LogReg2(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(2, 2), nn.Sigmoid(), nn.Linear(2, 1), nn.Sigmoid())


Net = LogReg2


# %%
def fit(net, points, targets, n_epochs, bs=None, learning_rate=1e-3):
    net.train()
    opt = torch.optim.SGD(params=net.parameters(), lr=learning_rate, momentum=0.0)
    if bs is None:
        bs = points.shape[0]
    out = []
    for e in range(n_epochs):
        order = np.random.permutation(len(points))
        xs, ys = points[order], targets[order]
        ls = []
        for i in range(0, len(xs), bs):
            l = F.binary_cross_entropy(net(xs[i : i + bs]), ys[i : i + bs])
            net.zero_grad(set_to_none=True)
            l.backward()
            opt.step()
            ls.append(l.detach())
        out.append(float(torch.stack(ls).mean()))
        if e % 20 == 0:
            print(e, out[-1])
    net.eval()
    return out


# %%
net = Net()
h = fit(net, X, y, 100, 32, 0.05)

# %%
import matplotlib.pyplot as plt

plt.plot(h)
