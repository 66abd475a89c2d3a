# title: nn.Parameter in place of layers

# %%
import torch
from torch import nn

torch.manual_seed(0)
y = (torch.randperm(1200) % 2).float()[:, None]
X = torch.where(y > 0.5, torch.tensor([[3.0, -0.5]]), torch.tensor([[-2.0, 0.5]])) + torch.randn(1200, 2)


# %%
class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.w1 = nn.Parameter(torch.randn(2, 2))
        self.b1 = nn.Parameter(torch.zeros(2))
        self.w2 = nn.Parameter(torch.randn(2, 1))
        self.b2 = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        h = 1 / (1 + torch.exp(-(x @ self.w1 + self.b1)))
        return torch.sigmoid(h @ self.w2 + self.b2)


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


# %% tags=["not-in-reference"]
model = Classifier()
history = train(model, X, y, epochs=30, batch_size=64, lr=0.1)
