// What lies under the pointer, and the few words it says there.

const RANK = { raster: 0, polygons: 1, lines: 2, points: 3 };

function under(latlng, isTouch) {
  for (const layer of [...app.data.layers].sort((one, other) => RANK[one.kind] - RANK[other.kind]).reverse()) {
    const sheet = app.sheets[layer.name];
    if (layer.kind === 'raster' || !sheet._map) continue;
    const reach = layer.kind === 'polygons' ? 2 : (layer.kind === 'points' ? (sheet.radius || 8) + 3 : 7) + (isTouch ? 7 : 0);
    const row = sheet.hit(latlng, reach);
    if (row >= 0) return { layer: layer.name, row };
  }
  return null;
}

let isWaiting = false;

function hover(event) {
  if (isWaiting) return;
  isWaiting = true;
  requestAnimationFrame(() => {
    isWaiting = false;
    const tip = document.getElementById('tip');
    const hit = under(event.latlng);
    app.map.getContainer().classList.toggle('pointing', Boolean(hit));
    tip.hidden = !hit;
    if (!hit) return;
    const look = app.sheets[hit.layer].look(hit.row);
    fill(tip, el('b', {}, short(titleOf(hit.layer, hit.row), 40)), el('span', {}, called(look)));
    const { x, y } = event.containerPoint;
    tip.style.transform = `translate(${Math.min(x + 14, window.innerWidth - 230)}px, ${y + 16}px)`;
  });
}
