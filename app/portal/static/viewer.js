// Deep zoom, text selection and keys of the viewer. Without this file the page shows a still image.
const sheet = document.getElementById("sheet");
const overlay = document.getElementById("overlay");
const page = { width: Number(sheet.dataset.width), height: Number(sheet.dataset.height) };
const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;

const still = document.getElementById("still");
const showStill = (on) => { still.hidden = !on; sheet.classList.toggle("zooming", !on); };
showStill(false); // before OpenSeadragon measures its place

const viewer = OpenSeadragon({
  element: sheet,
  tileSources: sheet.dataset.info,
  showNavigationControl: false,
  showNavigator: false,
  maxZoomPixelRatio: 3,
  visibilityRatio: 0.4,
  animationTime: calm ? 0 : 0.5,
  gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
  drawer: "canvas",
  crossOriginPolicy: false,
});
// Keys are ours, below: OpenSeadragon's own would fire beside them.
viewer.addHandler("canvas-key", (event) => { event.preventDefaultAction = true; });

viewer.addOnceHandler("open", () => {
  viewer.addOverlay({ element: overlay, location: new OpenSeadragon.Rect(0, 0, 1, page.height / page.width) });
  for (const tools of document.querySelectorAll(".viewer .scripted")) tools.hidden = false;
  showHit();
});
viewer.addOnceHandler("open-failed", () => { viewer.destroy(); showStill(true); });

function showHit() {
  const hit = overlay.querySelector(".hit.current");
  if (!hit) return;
  const box = hit.getBBox();
  const scale = 1 / page.width;
  const margin = Math.max(box.width, page.width * 0.3);
  viewer.viewport.fitBounds(new OpenSeadragon.Rect(
    (box.x - margin) * scale, (box.y - margin) * scale,
    (box.width + 2 * margin) * scale, (box.height + 2 * margin) * scale,
  ), calm);
}

const zoom = (factor) => { viewer.viewport.zoomBy(factor); viewer.viewport.applyConstraints(); };
const acts = {
  "zoom-in": () => zoom(1.4),
  "zoom-out": () => zoom(1 / 1.4),
  "zoom-home": () => viewer.viewport.goHome(),
  "turn": () => viewer.viewport.setRotation(viewer.viewport.getRotation() + 90),
  "text-mode": selectText,
  "keys-help": () => document.getElementById("keys").showModal(),
};
for (const [id, act] of Object.entries(acts)) document.getElementById(id).addEventListener("click", act);

function selectText() {
  const button = document.getElementById("text-mode");
  const on = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(on));
  overlay.classList.toggle("selecting", on);
  viewer.setMouseNavEnabled(!on);
}

const off = document.getElementById("keys-off");
off.checked = localStorage.getItem("lantai-keys") === "off";
off.addEventListener("change", () => localStorage.setItem("lantai-keys", off.checked ? "off" : "on"));

const keys = {
  "ArrowLeft": "before", "ArrowRight": "after", "n": "hit-after", "N": "hit-before",
  "+": "zoom-in", "=": "zoom-in", "-": "zoom-out", "0": "zoom-home", "r": "turn", "t": "text-mode", "?": "keys-help",
};
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea, dialog, [contenteditable]");
  if (off.checked || typing || event.ctrlKey || event.altKey || event.metaKey) return;
  const target = document.getElementById(keys[event.key] ?? "");
  if (!target) return;
  event.preventDefault();
  target.click();
});
