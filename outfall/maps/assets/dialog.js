// How the page asks and tells: windows in front of the map, cards beside it, and what is drawn above everything.

// A window with a heading that keeps the focus until it is closed; returns {box, body, close}.
function openDialog(kind, title, onClose) {
  const before = document.activeElement;
  const body = el('div', { class: 'dialog-body' });
  const close = () => { veil.remove(); document.body.classList.remove('has-dialog'); if (onClose) onClose(); if (before && before.isConnected) before.focus({ preventScroll: true }); };
  const shut = el('button', { type: 'button', class: 'round shut', 'aria-label': say('close'), title: say('close'), onclick: close }, icon('close'));
  const box = el('div', { class: `dialog ${kind}`, role: 'dialog', 'aria-modal': 'true', 'aria-label': title }, el('header', {}, el('h2', {}, title), shut), body);
  const veil = el('div', { class: 'veil' }, box);
  veil.addEventListener('pointerdown', (event) => { if (event.target === veil) close(); });
  veil.addEventListener('keydown', (event) => {
    if (event.key === 'Tab') keepInside(box, event);
    if (event.key === 'Escape') close();
    event.stopPropagation();
  });
  document.body.append(veil);
  document.body.classList.add('has-dialog');
  shut.focus({ preventScroll: true });
  return { box, body, close };
}

// A card at the foot of the map that leaves the map free; one at a time.
let docked = null;

function openDock(kind, title, onClose) {
  if (docked) docked.close();
  const body = el('div', { class: 'dock-body' });
  const node = el('section', { class: `dock ${kind}`, 'aria-label': title }, el('header', {}, el('h2', {}, title),
    el('button', { type: 'button', class: 'round shut', 'aria-label': say('close'), title: say('close'), onclick: () => made.close() }, icon('close'))), body);
  const made = { node, body, close: () => { if (docked !== made) return; docked = null; node.remove(); document.body.classList.remove('has-dock'); onClose(); } };
  docked = made;
  document.body.append(node);
  document.body.classList.add('has-dock');
  return made;
}

// What features draw above the map: each a painter(ctx, at, view) with at(lon, lat) in pixels.
const painters = new Map();

const OverSheet = Sheet.extend({
  draw(ctx, view) {
    const at = (lon, lat) => {
      const sine = Math.sin(lat * RAD);
      return [(lon / 360 + 0.5) * view.scale - view.x, (0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI)) * view.scale - view.y];
    };
    ctx.lineCap = ctx.lineJoin = 'round';
    for (const paint of painters.values()) { ctx.save(); paint(ctx, at, view); ctx.restore(); }
  },
});

feature({
  order: 1,
  start() {
    app.map.createPane('over').style.zIndex = '395';
    app.map.getPane('over').style.pointerEvents = 'none';
    app.over = new OverSheet({ pane: 'over' }).addTo(app.map);
  },
});
