"use strict";
const tiles = [...document.querySelectorAll(".g a")];
const box = document.querySelector("dialog");
const [picture, words] = [box.querySelector("img"), box.querySelector("p")];
let at = 0;
function show(place) {
  at = (place + tiles.length) % tiles.length;
  const tile = tiles[at];
  box.className = "wait";
  picture.src = tile.dataset.view;
  picture.alt = tile.title;
  words.textContent = `${tile.title} · ${at + 1} of ${tiles.length}`;
  history.replaceState(null, "", "#" + encodeURIComponent(tile.title));
  if (!box.open) {
    box.showModal();
    // Focuses the dialog instead of its first button.
    box.focus();
  }
}
picture.onload = () => {
  box.className = "";
  // Preloads the neighbours.
  for (const step of [1, -1]) new Image().src = tiles[(at + step + tiles.length) % tiles.length].dataset.view;
};
picture.onerror = () => {
  box.className = "";
  const small = tiles[at].querySelector("img").src;
  if (picture.src !== small) picture.src = small;
};
tiles.forEach((tile, place) => {
  tile.onclick = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    show(place);
  };
});
box.querySelector(".p").onclick = () => show(at - 1);
box.querySelector(".n").onclick = () => show(at + 1);
box.querySelector(".x").onclick = () => box.close();
box.onclick = (event) => event.target === box && box.close();
box.onclose = () => {
  history.replaceState(null, "", location.pathname + location.search);
  picture.removeAttribute("src");
  tiles[at].focus();
};
const keys = {
  ArrowLeft: () => at - 1,
  ArrowRight: () => at + 1,
  Home: () => 0,
  End: () => tiles.length - 1,
};
box.onkeydown = (event) => {
  if (!keys[event.key] || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  show(keys[event.key]());
};
let from = null;
box.ontouchstart = (event) => (from = event.touches.length === 1 ? event.touches[0].clientX : null);
box.ontouchend = (event) => {
  if (from === null) return;
  const way = event.changedTouches[0].clientX - from;
  if (Math.abs(way) > 40) show(at + (way < 0 ? 1 : -1));
};
const named = tiles.findIndex((tile) => "#" + encodeURIComponent(tile.title) === location.hash);
if (named >= 0) show(named);
