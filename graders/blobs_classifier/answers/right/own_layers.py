# title: Layers of one's own, with biases of shape (1, n)

# %%
import torch
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(1)
y = (torch.randperm(1200) % 2).to(torch.get_default_dtype())[:, None]
X = torch.where(y > 0.5, torch.tensor([[3.0, -0.5]]), torch.tensor([[-2.0, 0.5]])) + torch.randn(1200, 2)


# %%
class Dense(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.W = nn.Parameter(torch.randn(i, o))
        self.c = nn.Parameter(torch.zeros(1, o))

    def forward(self, x):
        return 1 / (1 + torch.exp(-(x @ self.W + self.c)))


class Classifier(nn.Module):
    def __init__(self, **kw):
        super().__init__()
        self.stack = nn.ModuleList([Dense(2, 2), Dense(2, 1)])

    def forward(self, x):
        for l in self.stack:
            x = l(x)
        return x


# %%
def train(model, X, y, epochs, batch_size=None, lr=1e-3):
    loss_function = nn.BCELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    history = []
    for _ in range(epochs):
        total = 0.0
        for batch in torch.randperm(len(X)).split(batch_size or len(X)):
            optimizer.zero_grad()
            loss = loss_function(model(X[batch]), y[batch])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
        history.append(total / len(X))
    return history


# %%
model = Classifier()
history = train(model, X, y, epochs=60, batch_size=64, lr=0.1)
