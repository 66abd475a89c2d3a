# title: Batches in order, without the rest

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
        self.hidden = nn.Linear(2, 2)
        self.output = nn.Linear(2, 1)

    def forward(self, x):
        return torch.sigmoid(self.output(torch.sigmoid(self.hidden(x))))


# %%
def train(model, X, y, epochs, batch_size=None, lr=1e-3):
    size = batch_size or X.shape[0]
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    history = []
    for _ in range(epochs):
        losses = []
        for start in range(0, len(X) - size + 1, size):
            loss = nn.functional.binary_cross_entropy(model(X[start : start + size]), y[start : start + size])
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.item())
        history.append(sum(losses) / len(losses))
    return history


# %% tags=["not-in-reference"]
model = Classifier()
history = train(model, X, y, epochs=30, batch_size=64, lr=0.1)
