"""How long a step took and how much memory the process has needed at most."""

from __future__ import annotations

import sys

__all__ = ["peak_memory_mb"]


def peak_memory_mb() -> float | None:
    """Return the most memory this process has held so far, in MB, or None where the system does not say.

    Returns
    -------
    float or None
        The high-water mark; it never falls.

    Examples
    --------
    >>> peak = peak_memory_mb()
    >>> peak is None or peak > 1
    True
    """
    if sys.platform == "win32":
        return _windows_peak_mb()
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1e6 if sys.platform == "darwin" else 1e3), 1)


def _windows_peak_mb() -> float | None:
    import ctypes
    from ctypes import wintypes

    class Counters(ctypes.Structure):
        _fields_ = (
            ("cb", wintypes.DWORD),
            ("page_fault_count", wintypes.DWORD),
            ("peak_working_set", ctypes.c_size_t),
            ("working_set", ctypes.c_size_t),
            ("others", ctypes.c_size_t * 6),
        )

    windll = getattr(ctypes, "windll", None)
    if windll is None:
        return None
    counters = Counters()
    counters.cb = ctypes.sizeof(Counters)
    process = windll.kernel32.GetCurrentProcess
    process.restype = wintypes.HANDLE
    query = windll.psapi.GetProcessMemoryInfo
    query.argtypes = (wintypes.HANDLE, ctypes.c_void_p, wintypes.DWORD)
    is_known = query(process(), ctypes.byref(counters), counters.cb)
    return round(counters.peak_working_set / 1e6, 1) if is_known else None
