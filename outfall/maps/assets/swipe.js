// Two sides of one map: a line to drag, and for every layer, picture or drawing, the side on which it is seen.

ICONS.swipe = 'M12 3v18M4 6.5h4.5v11H4zM15.5 6.5H20v11h-4.5zM9 21h6';
ICONS.flicker = 'M4 8h12M13 4.5 16.5 8 13 11.5M20 16H8M11 12.5 7.5 16 11 19.5';
ICONS.grip = 'M9 8 5 12l4 4M15 8l4 4-4 4';

const swipe = { isOn: false, share: 0.5, only: '', sides: Object.create(null) };
const SIDES = ['left', 'both', 'right'];

swipe.sideOf = (name) => (swipe.isOn && swipe.sides[name]) || 'both';

// Where the line stands, in pixels from the left edge of the map; a flicker shows one side over all.
swipe.cut = () => (swipe.only === 'left' ? 1e5 : swipe.only === 'right' ? -1e5 : swipe.share * app.map.getSize().x);

// Whether a layer is seen at a position.
swipe.covers = (name, latlng) => {
  const side = swipe.sideOf(name);
  return side === 'both' || (side === 'left') === (app.map.latLngToContainerPoint(latlng).x < swipe.cut());
};

// The part of any canvas, picture or tile pane that lies on its side; the clip moves, nothing is painted anew.
function clipSheets() {
  const moved = L.DomUtil.getPosition(app.map.getPane('mapPane')).x;
  for (const { name } of app.data.layers) {
    const sheet = app.sheets[name];
    const node = sheet && (sheet._container || sheet._image);
    if (!node) continue;
    const side = swipe.sideOf(name);
    const at = swipe.cut() - moved - (L.DomUtil.getPosition(node) || { x: 0 }).x;
    const far = 1e5;
    const [from, to] = side === 'left' ? [-far, at] : [at, far];
    node.style.clipPath = side === 'both' ? '' : `polygon(${from}px ${-far}px, ${to}px ${-far}px, ${to}px ${far}px, ${from}px ${far}px)`;
  }
}

// The line stays where it is on the ground, at whatever scale paper is drawn.
const cutIn = (view) => ((swipe.cut() + app.map.getPixelBounds().min.x) / (256 * 2 ** app.map.getZoom())) * view.scale - view.x;

// On paper the line and the names of its sides are drawn last.
function drawLine(ctx, view) {
  if (!swipe.isOn || swipe.only) return;
  const at = cutIn(view);
  for (const [width, colour] of [[4.5, 'rgba(29, 43, 54, 0.7)'], [2.5, '#fffdf8']]) {
    ctx.fillStyle = colour;
    ctx.fillRect(at - width / 2, -1e5, width, 2e5);
  }
}

// What is drawn into a canvas other than its own (names, print, picture) is cut there.
function cutTo(name, ctx, view, draw) {
  const side = swipe.sideOf(name);
  if (side === 'both') return draw();
  const at = cutIn(view);
  ctx.save();
  ctx.beginPath();
  ctx.rect(side === 'left' ? at - 2e5 : at, -1e5, 2e5, 2e5);
  ctx.clip();
  const made = draw();
  ctx.restore();
  return made;
}

function guardSheets() {
  for (const { name } of app.data.layers) {
    const sheet = app.sheets[name];
    const { draw, hit } = sheet;
    if (draw) sheet.draw = function (ctx, view) { return ctx === this._context ? draw.call(this, ctx, view) : cutTo(name, ctx, view, () => draw.call(this, ctx, view)); };
    if (hit) sheet.hit = function (latlng, ...rest) { return swipe.covers(name, latlng) ? hit.call(this, latlng, ...rest) : -1; };
    sheet.on('update', clipSheets);
  }
  const { draw } = app.names;
  app.names.draw = function (ctx, view) {
    draw.call(this, ctx, view);
    if (ctx !== this._context) drawLine(ctx, view);
  };
  for (const way of ['points', 'lines', 'areas', 'polygons']) {
    const write = app.names[way];
    if (write) app.names[way] = function (ctx, view, sheet, ...rest) { return cutTo(sheet.layer.name, ctx, view, () => write.call(this, ctx, view, sheet, ...rest)); };
  }
}

// The two uppermost pictures in view face each other; a lone one stands on the left.
function firstSides() {
  const shown = app.data.layers.filter((layer) => app.map.hasLayer(app.sheets[layer.name]));
  const pictures = shown.filter((layer) => layer.kind === 'raster');
  if (pictures.length > 1) {
    swipe.sides[pictures[pictures.length - 2].name] = 'left';
    swipe.sides[pictures[pictures.length - 1].name] = 'right';
  } else if (pictures.length) swipe.sides[pictures[0].name] = 'left';
}

function toggleSwipe() {
  swipe.isOn = !swipe.isOn;
  swipe.only = '';
  if (swipe.isOn) {
    if (!Object.keys(swipe.sides).length) firstSides();
    const { paddingTopLeft: [left], paddingBottomRight: [right] } = room();
    const width = app.map.getSize().x;
    swipe.share = (left + width - right) / 2 / width;
  }
  drawSwipe();
  emit('filter');
  if (swipe.isOn) document.getElementById('swipe-handle').focus({ preventScroll: true });
}

function moveSwipe(share) {
  swipe.share = Math.max(0, Math.min(1, share));
  swipe.only = '';
  placeSwipe();
}

function flick() {
  swipe.only = swipe.only === 'left' ? 'right' : 'left';
  placeSwipe();
}

let isSwiping = false;

function placeSwipe() {
  clipSheets();
  const node = document.getElementById('swipe');
  if (!node) return;
  node.style.left = `${100 * swipe.share}%`;
  node.classList.toggle('flicking', Boolean(swipe.only));
  node.dataset.only = swipe.only;
  const handle = document.getElementById('swipe-handle');
  handle.setAttribute('aria-valuenow', String(Math.round(100 * swipe.share)));
  handle.setAttribute('aria-valuetext', say('swipe.at', Math.round(100 * swipe.share)));
  if (isSwiping) return;
  isSwiping = true;
  requestAnimationFrame(() => { isSwiping = false; app.names.redraw(); emit('swipe'); });
}

function captionOf(side) {
  const names = [...app.data.layers].reverse().filter((layer) => swipe.sides[layer.name] === side && app.map.hasLayer(app.sheets[layer.name])).map((layer) => short(called(layer), 26));
  return el('div', { class: `side ${side}`, hidden: !names.length }, el('b', {}, say(`swipe.${side}`)), el('span', { dir: 'auto' }, names.join(' · ')));
}

function drawSwipe() {
  const old = document.getElementById('swipe');
  const hadFocus = old && old.contains(document.activeElement);
  if (old) old.remove();
  const button = document.getElementById('tool-swipe');
  if (button) button.setAttribute('aria-pressed', String(swipe.isOn));
  if (swipe.isOn) {
    const handle = el('div', { id: 'swipe-handle', role: 'slider', tabindex: '0', 'aria-label': say('swipe.handle'), 'aria-orientation': 'horizontal', 'aria-valuemin': '0', 'aria-valuemax': '100', title: say('swipe.handle') }, icon('grip'));
    const turn = el('button', { type: 'button', class: 'round', id: 'swipe-flicker', 'aria-label': say('swipe.flicker'), title: say('swipe.flicker'), onclick: flick }, icon('flicker'));
    const shut = el('button', { type: 'button', class: 'round', id: 'swipe-close', 'aria-label': say('swipe.off'), title: say('swipe.off'), onclick: toggleSwipe }, icon('close'));
    const node = el('div', { id: 'swipe' }, el('i', { class: 'cut' }), captionOf('left'), captionOf('right'), handle, turn, shut);
    app.map.getContainer().append(node);
    drag(handle);
    for (const part of [handle, turn, shut]) { L.DomEvent.disableClickPropagation(part); part.addEventListener('pointerdown', (event) => event.stopPropagation()); }
    if (hadFocus) handle.focus({ preventScroll: true });
  }
  placeSwipe();
}

function drag(handle) {
  const follow = (event) => {
    const box = app.map.getContainer().getBoundingClientRect();
    moveSwipe((event.clientX - box.left) / box.width);
  };
  handle.addEventListener('pointerdown', (event) => { handle.setPointerCapture(event.pointerId); handle.addEventListener('pointermove', follow); handle.focus({ preventScroll: true }); event.preventDefault(); });
  for (const end of ['pointerup', 'pointercancel', 'lostpointercapture']) handle.addEventListener(end, () => handle.removeEventListener('pointermove', follow));
  const steps = { ArrowLeft: -0.02, ArrowDown: -0.02, ArrowRight: 0.02, ArrowUp: 0.02, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 };
  handle.addEventListener('keydown', (event) => {
    if (!(event.key in steps)) return;
    event.preventDefault();
    event.stopPropagation();
    moveSwipe(swipe.share + steps[event.key]);
  });
}

// In the layer tree: on which side a layer is seen.
function sideChoice(layer) {
  if (!swipe.isOn) return null;
  const label = `${say('swipe.side')}: ${called(layer)}`;
  return el('div', { class: 'sides', role: 'radiogroup', 'aria-label': label }, SIDES.map((side) => el('button', {
    type: 'button', role: 'radio', 'aria-checked': String(swipe.sideOf(layer.name) === side), 'data-side': side, 'data-focus': `side:${layer.name}:${side}`,
    onclick: () => { swipe.sides[layer.name] = side; drawSwipe(); emit('filter'); },
  }, say(`swipe.${side}`))));
}

feature({
  order: 60,
  get tools() { return app.data.layers.some((layer) => layer.kind === 'raster') ? [['swipe', 'swipe', toggleSwipe, 'tool-swipe']] : []; },
  start() {
    if (!this.tools.length) return;
    app.swipe = swipe;
    guardSheets();
    app.map.on('move moveend zoomend viewreset resize layeradd', clipSheets);
    on('filter', () => { if (swipe.isOn) drawSwipe(); });
    on('language', drawSwipe);
    drawSwipe();
    document.addEventListener('keydown', (event) => {
      const isTyping = /INPUT|SELECT|TEXTAREA/.test(document.activeElement.tagName);
      if (swipe.isOn && !isTyping && event.key.toLowerCase() === 'f' && !event.ctrlKey && !event.metaKey && !event.altKey) flick();
      if (swipe.isOn && event.key === 'Escape' && document.activeElement.id === 'swipe-handle') toggleSwipe();
    });
  },
});
