"""Tests of nbgrader cells: a class, some functions and values, and asserts about them.

Each block begins with ``#---`` and its name; in LEFT the reason follows for which it stays in the notebook.
"""

from __future__ import annotations

SOLUTION = """import numpy as np
import math
### BEGIN SOLUTION
class Circle:
    def __init__(self, radius):
        self.radius = radius
    def area(self):
        return math.pi * self.radius ** 2
    def grown(self, by):
        return Circle(self.radius + by)
def double(x):
    if isinstance(x, str):
        raise TypeError("no text")
    return 2 * x
def is_array(x):
    return isinstance(x, np.ndarray)
def area_of(circle):
    return circle.area()
def pair(a, b=1):
    return a, b
unit = Circle(1)
table = {"one": 1, "two": 2}
numbers = np.arange(6.0).reshape(2, 3)
word = "three"
### END SOLUTION"""

GIVEN = """LIMIT = 3
expected = [0, 2, 4]
def doubled(x):
    return x + x
shown = double(21)"""

_CARRIED = """
#--- compare
assert double(2) == 4
assert 4 == double(2)
assert double(2) > 3 and double(3) != 2, 'so'
#--- numpy
x = np.array([1.0, 2.0])
assert is_array(x)
assert np.allclose(double(x), [2, 4])
assert (double(x) == 2 * x).all()
np.testing.assert_allclose(double(x), 2 * x)
assert double(x).shape == (2,)
#--- close
assert abs(double(0.1) - 0.2) < 1e-9
assert math.isclose(double(0.1), 0.2)
assert round(double(1.11)) == 2
#--- loop
for i in range(5):
    want = i + i
    assert double(i) == want, f'double({i}) should be {want}'
#--- comprehension
assert [double(i) for i in range(3)] == [0, 2, 4]
assert all(double(i) % 2 == 0 for i in (1, 2))
#--- reference
def slow(n):
    total = 0
    for _ in range(2):
        total += n
    return total
assert all(double(n) == slow(n) for n in range(4))
#--- kept
result = double(4)
first, second = pair(1, b=2)
assert result == 8
assert (first, second) == (1, 2)
#--- value
assert table['one'] == 1
assert len(table) == 2 and sorted(table.keys()) == ['one', 'two']
assert word.upper() == 'THREE'
assert numbers.shape == (2, 3) and numbers.sum() == 15.0
assert numbers[1, 2] == 5
#--- object
c = Circle(2)
assert math.isclose(c.area(), 4 * math.pi)
assert abs(Circle(1).area() - math.pi) < 1e-9
assert area_of(c) == c.area()
assert area_of(Circle(0)) == 0
#--- attributes
c = Circle(2)
assert c.radius == 2 and Circle(3).radius == 3
assert unit.radius == 1
#--- given
assert [double(i) for i in range(LIMIT)] == expected
assert double(5) == doubled(5)
assert shown == 42
#--- try
try:
    double('a')
    assert False, 'nothing was raised'
except (TypeError, ValueError) as e:
    assert 'no text' in str(e)
#--- any
for bad in ('a', 'b'):
    try:
        double(bad)
    except Exception:
        pass
    else:
        assert False
#--- raises
import pytest
with pytest.raises(TypeError):
    double('a')
#--- unittest
from unittest import TestCase
tc = TestCase()
tc.assertEqual(double(2), 4)
tc.assertAlmostEqual(double(0.1), 0.2)
tc.assertIsInstance(double(2), int)
tc.assertRaises(TypeError, double, 'a')
TestCase().assertIn(double(1), [2])
#--- nose
from nose.tools import assert_equal, assert_raises, assert_true, assert_almost_equal
assert_equal(double(2), 4)
assert_raises(TypeError, double, 'a')
assert_true(double(1) == 2)
assert_almost_equal(double(1), 2, delta=1)
#--- numpy-close
from numpy.testing import assert_array_equal, assert_almost_equal
assert_array_equal(numbers, np.arange(6).reshape(2, 3))
assert_almost_equal(double(1.0), 2.0)
#--- random
np.random.seed(1)
for _ in range(3):
    x = np.random.rand(2, 2)
    assert np.allclose(double(x), x + x)
#--- shadow
word = double(3)
assert word == 6
#--- printed
print('testing')
'nothing'
assert double(1) == 2
print('done')
display(double(1))
"""

_LEFT = """
#--- picture: uses 'plt', which neither this cell nor
ax = plt.gca()
assert ax.get_title() == 'x'
#--- module: needs pandas, which graders do not
import pandas as pd
assert pd.Series([double(1)]).sum() == 2
#--- programs: reaches files or programs by 'os'
import torch
assert torch.os.system('true') == double(0)
#--- programs by an alias: reaches files or programs by 'sys'
from statistics import sys as s
assert len(s.path) == double(1)
#--- programs by a module's own: reaches files or programs by '_os'
import random
assert random._os.getpid() > double(1)
#--- files: reaches files or programs by 'load'
import numpy as np
assert np.load('data.npy').sum() == double(1)
#--- files by an array: reaches files or programs by 'tofile'
x = np.arange(3)
x.tofile('data.bin')
assert double(1) == 2
#--- patch: puts something else in the place of 'double'
double = lambda x: 0
assert pair(1)[0] == 1
#--- removal: takes something away from the notebook: 'del double'
del double
assert pair(1) == (1, 1)
#--- itself: uses 'callable', which neither
assert callable(double)
#--- passed on: looks at 'double' itself, not at what it answers
assert list(map(double, [1])) == [2]
#--- magic: uses a magic of IPython
%timeit double(1)
assert double(1) == 2
#--- broken: is not valid Python
assert double(1 == 2
#--- attribute: reads the attribute 'radius' of what 'Circle(1).grown(1)' gives
assert Circle(1).grown(1).radius == 2
#--- private: reads the attribute '__dict__'
assert unit.__dict__ == {'radius': 1}
#--- function: hands a function of its own over
def mine(x):
    return x
assert double(mine) == 2
#--- lambda: hands a function of its own over
assert double(lambda: 1) == 2
#--- an object kept: compares or keeps an object of 'Circle'
c = [Circle(2)]
assert area_of(c[0]) > 1
#--- nothing: asserts nothing about what the notebook answers
x = double(3)
#--- only itself: asserts nothing about what the notebook answers
assert 1 + 1 == 2
#--- empty: asserts nothing
# nothing here
#--- points: gives a part of its points by the value
score = 0
if double(1) == 2:
    score += 1
score
#--- autotest: has AUTOTEST lines
### AUTOTEST double(1)
#--- output: needs io, which graders do not have
import io, contextlib
with contextlib.redirect_stdout(io.StringIO()) as out:
    double(1)
assert out.getvalue() == ''
#--- mutation: calls 'double' for what it does
data = [3]
double(data)
assert data == [3]
#--- write: changes something in the notebook: 'table['one']'
table['one'] = 5
assert double(1) == 2
#--- missing: waits for a NameError
try:
    double(1)
except NameError:
    assert False
#--- later: 'later' becomes another one in cell 5, below this test
assert later == 1
#--- unknown: uses 'elsewhere', which neither
assert double(elsewhere) == 2
#--- mock: a statement
from unittest.mock import patch
with patch('math.pi', 3):
    assert Circle(1).area() == 3
#--- reserved: gives a value to 'answer', a name that graders need
answer = double(1)
assert answer == 2
#--- evaluation: uses 'eval', which neither
assert eval('double(1)') == 2
#--- walrus: is written in a way that is not known here
assert (y := double(1)) == 2
"""


def _blocks(text: str) -> dict[str, str]:
    blocks = [block.partition("\n") for block in text.split("#--- ")[1:]]
    return {name.strip(): source.strip("\n") for name, _end, source in blocks}


CARRIED = _blocks(_CARRIED)

#: By name: the source, and a part of the reason.
LEFT = {head.partition(": ")[0]: (source, head.partition(": ")[2]) for head, source in _blocks(_LEFT).items()}
