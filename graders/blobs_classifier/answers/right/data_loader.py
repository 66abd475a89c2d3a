# title: A DataLoader, and the loss of the last batch

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
    data = torch.utils.data.TensorDataset(X, y)
    loader = torch.utils.data.DataLoader(data, batch_size=batch_size or len(X), shuffle=True)
    optimizer = torch.optim.SGD(model.parameters(), lr)
    criterion = nn.BCELoss()
    losses = []
    for epoch in range(epochs):
        for points, classes in loader:
            loss = criterion(model(points), classes)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
        print(epoch, losses[-1])
    return losses


# %% tags=["not-in-reference"]
model = Classifier()
history = train(model, X, y, epochs=30, batch_size=64, lr=0.1)
