# title: The first linear layer as a convolution over all 5 x 5, as in the paper

# %%
import torch
from torch import nn

torch.manual_seed(0)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

# %% tags=["not-in-reference"]
from torchvision import datasets

digits = datasets.MNIST("data", train=True, download=True)
X_train, y_train = digits.data[:12000].unsqueeze(1).float(), digits.targets[:12000]


# %%
class LeNet5(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, 5, padding=2)
        self.c3 = nn.Conv2d(6, 16, 5)
        self.c5 = nn.Conv2d(16, 120, 5)
        self.f6 = nn.Linear(120, 84)
        self.output = nn.Linear(84, 10)
        self.pool = nn.AvgPool2d(2, 2)
        self.act = nn.Tanh()

    def forward(self, x):
        x = self.pool(self.act(self.c1(x)))
        x = self.pool(self.act(self.c3(x)))
        x = self.act(self.c5(x)).squeeze(3).squeeze(2)
        return self.output(self.act(self.f6(x)))


# %%
def train(model, X_train, y_train, epochs, device, batch_size=20):
    model.to(device)
    loss_function = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    history = []
    for epoch in range(epochs):
        for batch in torch.randperm(len(X_train)).split(batch_size):
            optimizer.zero_grad()
            loss = loss_function(model(X_train[batch].to(device)), y_train[batch].to(device))
            loss.backward()
            optimizer.step()
        history.append(loss.item())
    return history


# %% tags=["not-in-reference"]
lenet5 = LeNet5()
history = train(lenet5, X_train, y_train, 2, device)
