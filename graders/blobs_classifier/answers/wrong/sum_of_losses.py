# title: The sum over the batch
# loses: one-step, full-batches, mini-batches, any-network
# hint: The loss of a batch is the mean over its points: BCELoss() as it is, without reduction='sum'.

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
    loss_function = nn.BCELoss(reduction="sum")
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
model = nn.Sequential(nn.Linear(2, 2), nn.Sigmoid(), nn.Linear(2, 1), nn.Sigmoid())
optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
for _ in range(300):
    optimizer.zero_grad()
    nn.functional.binary_cross_entropy(model(X), y).backward()
    optimizer.step()
