# title: As it was written in 2017

# %%
import torch
from torch.autograd import Variable

# %%
X = Variable(torch.DoubleTensor([[-5, 5], [2, 3], [1, -1]]))
w = Variable(torch.DoubleTensor([[-0.5], [2.5]]), requires_grad=True)


# %%
class Neuron:
    def __init__(self, activation):
        self.activation = activation

    def forward(self, X, w):
        X, w = Variable(X, requires_grad=True) if not X.requires_grad else X, w
        return self.activation(torch.mm(X, w))


forward_pass = Neuron(torch.sigmoid).forward
result = forward_pass(X, w)
