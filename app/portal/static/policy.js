// OpenSeadragon empties elements with innerHTML = ""; nothing else may become markup.
"use strict";
if (window.trustedTypes) {
  window.trustedTypes.createPolicy("default", {
    createHTML(markup) {
      if (markup !== "") throw new TypeError("markup from scripts is refused");
      return markup;
    },
  });
}
