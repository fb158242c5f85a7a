"""Items as a PyTorch dataset. Imported on demand, because PyTorch is optional."""

from typing import TYPE_CHECKING, Any

import torch
import torch.utils.data

from pipeline.store.items import Example

if TYPE_CHECKING:
    from pipeline.store.selection import Selection


class Tensors(torch.utils.data.Dataset):  # type: ignore[misc]
    """Examples as tensors, indexed like the items."""

    def __init__(self, items: "Selection") -> None:
        self._items = items

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: Any) -> Any:
        found = self._items[index]
        return Example(*map(torch.from_numpy, found)) if isinstance(found, Example) else Tensors(found)
