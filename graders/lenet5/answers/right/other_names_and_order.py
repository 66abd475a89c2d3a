# title: Other names, made from back to front, flattened channels last

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
        self.answer = nn.Linear(84, 10)
        self.second = nn.Linear(120, 84)
        self.first = nn.Linear(400, 120)
        self.strokes = nn.Conv2d(6, 16, 5)
        self.edges = nn.Conv2d(1, 6, 5, padding="same")

    def forward(self, x):
        for convolution in (self.edges, self.strokes):
            x = nn.functional.avg_pool2d(convolution(x).tanh(), 2)
        x = x.permute(0, 2, 3, 1).reshape(x.shape[0], -1)
        return self.answer(self.second(self.first(x).tanh()).tanh())


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
