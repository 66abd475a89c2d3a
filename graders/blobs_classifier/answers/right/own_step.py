# title: Steps by hand

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
    history = []
    for _ in range(epochs):
        order = torch.randperm(len(X))
        for start in range(0, len(X), batch_size or len(X)):
            part = order[start : start + (batch_size or len(X))]
            p = model(X[part])
            loss = -(y[part] * p.log() + (1 - y[part]) * (1 - p).log()).mean()
            gradients = torch.autograd.grad(loss, list(model.parameters()))
            with torch.no_grad():
                for weight, gradient in zip(model.parameters(), gradients):
                    weight -= lr * gradient
        with torch.no_grad():
            history.append(float(nn.functional.binary_cross_entropy(model(X), y)))
    return history


# %% tags=["not-in-reference"]
model = Classifier()
history = train(model, X, y, epochs=30, batch_size=64, lr=0.1)
