"""The template of DVC's plots page brings its own scripts."""

from pipeline.report import dvc_plots
from tests.report.sample import Page


def test_the_template_holds_its_scripts() -> None:
    template = dvc_plots.template()
    assert not [found for _, found in Page(template).elements if {"src", "href"} & set(found)]
    assert "{scripts}" not in template  # DVC would replace it by links to scripts on the web
    assert template.count("{plot_divs}") == 1
    assert "vegaEmbed=" in template
