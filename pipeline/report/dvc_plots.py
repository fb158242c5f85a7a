"""The HTML template of DVC's plots page, which works offline."""

import vl_convert

VEGA_LITE = "5.21"  # DVC's plots are written for Vega-Lite 5
# DVC's normalised confusion matrix leaves its cells without text: the shares, percent_of_y, are filled in. SVG keeps
# them as text. Vega's editor is a web site, so the link to it is left out.
EMBED = """
const options = {
  renderer: "svg",
  actions: {editor: false},
  config: {text: {text: {expr: "format(datum.percent_of_y, '.0%')"}}},
};
window.vegaEmbed = (element, spec) => vegaEmbed(element, spec, options);
"""
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
{refresh_tag}
<title>DVC plots</title>
<style>
body { margin: 2em; font: 13px sans-serif; }
body > div { margin-bottom: 2em; }
</style>
<script>
(() => {
SCRIPTS
})();
</script>
</head>
<body>
{plot_divs}
</body>
</html>
"""


def template() -> str:
    """Return the page for DVC's setting `plots.html_template`, with Vega's scripts from an installed package.

    Returns
    -------
    str
        HTML with DVC's placeholders except ``{scripts}``, which DVC would replace by links to scripts on the web.
    """
    return PAGE.replace("SCRIPTS", vl_convert.javascript_bundle(EMBED, vl_version=VEGA_LITE))
