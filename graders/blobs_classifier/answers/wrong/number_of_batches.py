# title: batch_size is taken for a number of batches
# loses: mini-batches, any-network
# hint: batch_size is the number of points in a batch, not of batches, and epochs is the number of
#   epochs.

# %%
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(1)
y = (torch.randperm(1200) % 2).to(torch.get_default_dtype())[:, None]
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
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    history = []
    for _ in range(epochs):
        chunks = 1 if batch_size is None else batch_size
        for xb, yb in zip(X.chunk(chunks), y.chunk(chunks)):
            optimizer.zero_grad()
            loss = F.binary_cross_entropy(model(xb), yb)
            loss.backward()
            optimizer.step()
        history.append(loss.item())
    return history


# %%
model = Classifier()
history = train(model, X, y, epochs=60, batch_size=64, lr=0.1)
