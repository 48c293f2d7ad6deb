"""Facts by person or unit, so that a digest's cost does not grow with the size of the zone."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Indexed(Generic[Item]):
    """Items by one or several keys, found for any number of keys in their original order."""

    def __init__(self, items: Iterable[Item], keys: Callable[[Item], Iterable[Hashable]]) -> None:
        self._places: defaultdict[Hashable, list[int]] = defaultdict(list)
        self._items = list(items)
        for place, item in enumerate(self._items):
            for key in keys(item):
                self._places[key].append(place)

    def of(self, *keys: Hashable) -> list[Item]:
        """The items that have one of the keys, each once."""
        places = {place for key in keys for place in self._places.get(key, ())}
        return [self._items[place] for place in sorted(places)]
