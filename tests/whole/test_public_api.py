"""Every public name keeps the promises of the house: documented, keyword-only, unit in the name."""

import ast
import inspect
import re
from pathlib import Path

import numpydoc.docscrape
import pytest
from numpydoc.validate import validate

import outfall

NAMES = [name for name in outfall.__all__ if name != "__version__"]
FUNCTIONS = [name for name in NAMES if inspect.isfunction(getattr(outfall, name))]
CLASSES = [name for name in NAMES if inspect.isclass(getattr(outfall, name))]
FIRST = {
    "network", "outfalls", "sightings", "seen", "sources", "samples", "results", "limits", "points", "lines", "frame", "frames",
    "found", "inspections", "segments", "coverage", "looks", "returned", "ids", "groups", "outfall_id", "decision", "photos", "injections", "curves",
    "readings", "signal", "suspects", "passages", "chances", "spots", "taken", "plan", "undeclared", "reach_id",
    "states", "monitors", "places", "table", "town", "clues", "store", "page", "drawn", "what", "kind", "target", "path", "folder", "rivers", "seed",
    "scene", "scenes", "water", "zones", "grid", "index", "layers", "contrasts", "boxes", "placed", "checked", "truth", "mosaic", "name", "value", "lon", "lat", "candidates",
}  # fmt: skip
DIMENSIONS = {
    "distance",
    "length",
    "speed",
    "velocity",
    "duration",
    "flow",
    "depth",
    "width",
    "tolerance",
    "radius",
    "buffer",
    "time",
}


def parameters(name):
    """Return the parameters of a public function."""
    return inspect.signature(getattr(outfall, name)).parameters.values()


@pytest.mark.parametrize("name", NAMES)
def test_every_name_can_be_imported_and_is_documented(name):
    """The lazy root promises nothing it does not have."""
    assert inspect.getdoc(getattr(outfall, name))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_docstring_has_its_sections(name):
    """Parameters, Returns and a running example; Raises wherever the body raises."""
    function = getattr(outfall, name)
    doc = numpydoc.docscrape.FunctionDoc(function)
    documented = {text.strip("*") for parameter in doc["Parameters"] for text in re.split(r",\s*", parameter.name)}
    wanted = {parameter.name for parameter in parameters(name)}
    assert wanted == documented
    assert doc["Returns"]
    assert doc["Examples"], "an example that runs"
    if re.search(r"^\s+raise ", inspect.getsource(function), re.MULTILINE):
        assert doc["Raises"]


@pytest.mark.parametrize("name", NAMES)
def test_a_docstring_passes_numpydoc(name):
    """Every rule of numpydoc holds but two: a longer text and a see-also section are not forced on everybody."""
    found = getattr(outfall, name)
    errors = validate(f"{found.__module__}.{found.__qualname__}")["errors"]
    assert [error for error in errors if error[0] not in {"ES01", "SA01"}] == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_options_are_keyword_only(name):
    """Tables and the Network come first; everything else is named where it is used."""
    positional = [p.name for p in parameters(name) if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    assert set(positional) <= FIRST, positional


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_boolean_is_positional_and_there_are_eight_parameters_at_most(name):
    """No call reads f(x, True), and no signature grows without end."""
    assert len(parameters(name)) <= 8
    for parameter in parameters(name):
        assert parameter.kind != parameter.VAR_KEYWORD
        if isinstance(parameter.default, bool):
            assert parameter.kind == parameter.KEYWORD_ONLY


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_dimensioned_parameter_carries_its_unit(name):
    """Nobody has to ask whether a tolerance is in metres."""
    assert not {parameter.name for parameter in parameters(name)} & DIMENSIONS


@pytest.mark.parametrize("name", FUNCTIONS)
def test_public_signatures_are_typed_without_any(name):
    """Types are complete; Any says nothing."""
    signature = inspect.signature(getattr(outfall, name))
    for text in [signature.return_annotation, *(parameter.annotation for parameter in signature.parameters.values())]:
        assert text is not inspect.Signature.empty
        assert not re.search(r"\bAny\b", str(text))


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_has_twelve_public_methods_at_most(name):
    """Facades grow; these do not."""
    found = getattr(outfall, name)
    if issubclass(found, Exception):
        return
    methods = [attr for attr in vars(found) if not attr.startswith("_") and callable(getattr(found, attr))]
    assert len(methods) <= 12, methods


def test_no_verb_is_called_like_a_module():
    """``outfall.trace`` is a verb; a module of that name would hide it."""
    modules = {path.stem for path in Path(outfall.__file__).parent.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert not set(NAMES) & modules


def test_type_checkers_see_the_names_that_run():
    """What an editor completes is what the lazy root imports, from the same place."""
    tree = ast.parse(Path(outfall.__file__).read_text(encoding="utf-8"))
    seen = {
        alias.name: node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert {name: home for name, home in seen.items() if str(home).startswith("outfall.")} == outfall._HOMES


def test_an_unknown_name_says_where_to_look():
    """A slip is met with the way out."""
    with pytest.raises(AttributeError, match=r"dir\(outfall\) lists"):
        outfall.treace  # noqa: B018
