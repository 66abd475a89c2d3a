# control: worker-processes
# category: control
# expects: full points: loaders' workers, pools and queues are what notebooks are like
# score: full
# bounds: none needed

# %%
import torch

def softmax(x):
    e = torch.exp(x - x.max(dim=1, keepdim=True).values)
    return e / e.sum(dim=1, keepdim=True)

# %%
import multiprocessing
from torch.utils.data import DataLoader, TensorDataset
_data = TensorDataset(torch.arange(40.0).reshape(20, 2))
assert sum(float(x.sum()) for (x,) in DataLoader(_data, batch_size=5, num_workers=2)) == 780
with multiprocessing.Pool(2) as _pool:
    assert _pool.map(abs, [-1, -2]) == [1, 2]
