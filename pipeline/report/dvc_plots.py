"""The HTML template of DVC's plots page, which works without a network."""

import vl_convert

VEGA_LITE = "5.21"  # DVC's plots are written for Vega-Lite 5
# DVC's normalised confusion matrix leaves the text of its cells empty; its shares are percent_of_y. SVG keeps them as
# text. The editor is a web site.
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
    """HTML for DVC's setting `plots.html_template`, with Vega's scripts from the installed package.

    Returns
    -------
    str
        Page with DVC's placeholders except ``{scripts}``, for which DVC puts in scripts from the network.
    """
    return PAGE.replace("SCRIPTS", vl_convert.javascript_bundle(EMBED, vl_version=VEGA_LITE))
