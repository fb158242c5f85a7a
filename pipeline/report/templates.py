"""The templates in html/: pages that load nothing, in which names of files and languages are text, never markup."""

from typing import Any


def render(template: str, **values: Any) -> str:
    """Render a template of this folder; the same bytes for the same values."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pipeline.report", "html"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)
