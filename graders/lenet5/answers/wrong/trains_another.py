# title: The model is not the one that came as an argument
# loses: train-learns, adam-steps, data-unchanged, device, trains-again, test-accuracy, kept-accuracy
# hint: Give the optimiser the parameters of the model that came as an argument, and call step in every batch, right
#   after backward.

# %%
import torch
from torch import nn

torch.manual_seed(0)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


# %%
class LeNet5(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.pool = nn.AvgPool2d(2)
        self.fc1 = nn.Linear(400, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = self.pool(torch.tanh(self.conv1(x)))
        x = self.pool(torch.tanh(self.conv2(x)))
        x = x.flatten(1)
        x = torch.tanh(self.fc1(x))
        x = torch.tanh(self.fc2(x))
        return self.fc3(x)


# %%
def train(model, X_train, y_train, epochs, device, batch_size=20):
    model = LeNet5().to(device)
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
