"""A selection as a dataset of PyTorch's. It is imported when it is asked for: PyTorch is optional."""

from typing import Any

import torch
import torch.utils.data

from pipeline.store.selection import Example, Selection


class Tensors(torch.utils.data.Dataset):  # type: ignore[misc]
    """Examples as tensors, indexed as the selection is."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection

    def __len__(self) -> int:
        return len(self._selection)

    def __getitem__(self, chosen: Any) -> Any:
        found = self._selection[chosen]
        return Tensors(found) if isinstance(found, Selection) else Example(*map(torch.from_numpy, found))
