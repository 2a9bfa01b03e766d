"""Packages that only some of the library needs, imported when they are used."""

import importlib
from types import ModuleType


def load_extra(module: str, extra: str) -> ModuleType:
  """Imports a module of a package that an extra of hund_tf installs.

  Args:
    module: full name, such as "pycocotools.mask".
    extra: name of the extra, such as "datasets".

  Raises:
    ImportError: in one line that names the package and the extra.
  """
  try:
    return importlib.import_module(module)
  except ImportError as error:
    package = module.split(".")[0]
    raise ImportError(
      f"{package} is needed here and cannot be imported ({error}); install it "
      f"with: pip install 'hund_tf[{extra}]'"
    ) from error
