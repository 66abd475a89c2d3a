# title: zero_grad stands outside the loop over the batches
# loses: mini-batches, any-network
# hint: backward adds to the gradients that are there: optimizer.zero_grad() in every step.

# %%
import torch
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
    loss_function = nn.BCELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    history = []
    for _ in range(epochs):
        optimizer.zero_grad()
        total = 0.0
        for batch in torch.randperm(len(X)).split(batch_size or len(X)):
            loss = loss_function(model(X[batch]), y[batch])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
        history.append(total / len(X))
    return history


# %%
model = Classifier()
history = train(model, X, y, epochs=60, batch_size=64, lr=0.1)
