# title: The methods of a class, which keeps what backward needs

# %%
import torch

# %%
# Weights as after a training, without the wait: a line with a bend at every knot of the curve.
knots = torch.linspace(-0.5, 0.5, 65)
heights = torch.sigmoid(10 * knots)
slopes = (heights[1:] - heights[:-1]) * 64

weights_1 = torch.ones(1, 64)
bias_1 = -knots[:64]
weights_2 = torch.cat([slopes[:1], slopes[1:] - slopes[:-1]])[:, None]
bias_2 = heights[:1]


# %%
class Network:
    def forward(self, x):
        self.z = x @ weights_1 + bias_1
        self.h = self.z.clamp(min=0)
        return self.h @ weights_2 + bias_2

    def backward(self, X, y, y_pred):
        d_pred = 2 * (y_pred - y)
        d_z = d_pred @ weights_2.T * (self.z > 0)
        return X.T @ d_z, d_z.sum(dim=0), self.h.T @ d_pred, d_pred.sum(dim=0)


net = Network()
forward, backward = net.forward, net.backward


# %%
def loss(y, y_):
    return ((y - y_) ** 2).sum()


# %%
def optimize(params, grads, lr):
    return [p - lr * g for p, g in zip(params, grads)]
