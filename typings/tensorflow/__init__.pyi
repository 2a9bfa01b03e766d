"""TensorFlow without types: the stubs that checkers bundle reject shapes
and arrays that TensorFlow takes.
"""

from typing import Any

def __getattr__(name: str) -> Any: ...
