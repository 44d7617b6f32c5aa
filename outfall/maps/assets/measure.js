// How far and how large: lengths and areas on the ellipsoid, and the way along the river between two places.

const measuring = { kind: 'line', spots: [], places: [], way: null, hover: null, isDone: false, dock: null };
const SNAP_M = 2000;

function startMeasuring(kind, first) {
  Object.assign(measuring, { kind: kind || measuring.kind, spots: [], places: [], way: null, hover: null, isDone: false });
  if (measuring.dock) { measuring.dock.close(); Object.assign(measuring, { kind: kind || measuring.kind }); }
  measuring.dock = openDock('measure', say('measure'), stopMeasuring);
  app.taker = (event) => addSpot(event.latlng);
  app.map.doubleClickZoom.disable();
  app.map.getContainer().classList.add('measuring');
  painters.set('measure', paintMeasure);
  if (first) addSpot(first);
  drawMeasure();
  announce(say(`measure.${measuring.kind}.hint`));
}

function stopMeasuring() {
  measuring.dock = null;
  app.taker = null;
  app.map.doubleClickZoom.enable();
  app.map.getContainer().classList.remove('measuring');
  painters.delete('measure');
  app.over.redraw();
}

function addSpot(latlng) {
  if (measuring.isDone) Object.assign(measuring, { spots: [], places: [], way: null, isDone: false });
  const spot = [latlng.lng, latlng.lat];
  if (measuring.kind === 'river') {
    const { x, y } = L.CRS.EPSG3857.latLngToPoint(latlng, 0);
    const on = snap(x / 256, y / 256, SNAP_M);
    if (!on) { announce(say('measure.far')); drawMeasure(say('measure.far')); return; }
    const { xs, ys } = stretch(on.row, on.share, on.share);
    const { lng, lat } = turn(xs[0], ys[0]);
    measuring.places.push(on);
    measuring.spots.push([lng, lat]);
    if (measuring.places.length === 2) { measuring.way = flowOf().way(...measuring.places); measuring.isDone = true; }
  } else {
    const last = measuring.spots[measuring.spots.length - 1];
    if (!last || last[0] !== spot[0] || last[1] !== spot[1]) measuring.spots.push(spot);
  }
  drawMeasure();
}

function undoSpot() {
  measuring.isDone = false;
  measuring.spots.pop();
  measuring.places.pop();
  measuring.way = null;
  drawMeasure();
}

function measured() {
  const { kind, spots, way } = measuring;
  if (kind === 'river') return way ? precise(way.metres) : '';
  if (kind === 'area') return spots.length > 2 ? acres(areaOf(spots)) : '';
  return spots.length > 1 ? precise(lengthOf(spots)) : '';
}

const precise = (value) => (value >= 10000 ? `${number(value / 1000, 2)} km` : value >= 1000 ? `${number(value / 1000, 3)} km` : `${number(value, 1)} m`);
const acres = (value) => (value >= 1e6 ? `${number(value / 1e6, 3)} km²` : value >= 1e5 ? `${number(value / 1e4, 2)} ha` : `${number(value, 0)} m²`);

function measuredMore() {
  const { kind, spots, way, places, isDone } = measuring;
  if (kind === 'river') {
    if (isDone && !way) return say('measure.apart');
    if (!way) return say(places.length ? 'measure.river.second' : 'measure.river.hint');
    const told = way.against <= 0.5 ? say('measure.with') : way.against >= way.metres - 0.5 ? say('measure.against') : say('measure.partly', precise(way.against));
    return [told, way.hours !== null && way.against <= 0.5 && `${say('travel')} ${hours(way.hours)}`, `${say('measure.straight')} ${precise(lengthOf(spots))}`].filter(Boolean).join(' · ');
  }
  if (spots.length < 2) return say(`measure.${kind}.hint`);
  const last = inverse(...spots[spots.length - 2], ...spots[spots.length - 1]);
  if (kind === 'area') return spots.length > 2 ? `${say('measure.around')} ${precise(lengthOf([...spots, spots[0]]))}` : say('measure.area.hint');
  return `${say('measure.last')} ${precise(last.metres)} · ${last.bearing.toFixed(1)}° ${pointOf(last.bearing, app.lang)}`;
}

function drawMeasure(trouble) {
  const { dock, kind, spots } = measuring;
  if (!dock) return;
  dock.node.setAttribute('aria-label', say('measure'));
  dock.node.querySelector('h2').textContent = say('measure');
  const kinds = ['line', 'area', ...(flowOf() ? ['river'] : [])];
  const chip = (drawing, key, act, isOff, id) => el('button', { type: 'button', class: 'chip', disabled: isOff, id, onclick: act }, icon(drawing), say(key));
  const held = dock.body.contains(document.activeElement) && document.activeElement.id;
  fill(dock.body,
    el('div', { class: 'segments', role: 'group', 'aria-label': say('measure') }, kinds.map((name) => el('button', { type: 'button', id: `measure-${name}`, 'aria-pressed': String(name === kind), onclick: () => { Object.assign(measuring, { kind: name, spots: [], places: [], way: null, isDone: false }); drawMeasure(); announce(say(`measure.${name}.hint`)); } }, say(`measure.${name}`)))),
    el('p', { class: 'result', id: 'measured', 'aria-live': 'polite' }, el('b', {}, measured() || '—'), el('span', {}, trouble || measuredMore())),
    el('div', { class: 'chips' },
      chip('undo', 'measure.undo', undoSpot, !spots.length, 'measure-undo'),
      chip('done', 'measure.finish', () => { measuring.isDone = true; measuring.hover = null; drawMeasure(); }, measuring.isDone || spots.length < 2, 'measure-finish'),
      chip('clear', 'measure.clear', () => { Object.assign(measuring, { spots: [], places: [], way: null, isDone: false }); drawMeasure(); }, !spots.length, 'measure-clear'),
      chip('copy', 'copy', (event) => copy(`${say(`measure.${kind}`)}: ${measured()} (${measuredMore()})`, event.currentTarget), !measured(), 'measure-copy')));
  if (held && document.getElementById(held)) document.getElementById(held).focus({ preventScroll: true });
  app.over.redraw();
}

function paintMeasure(ctx, at) {
  const { kind, spots, way, hover, isDone } = measuring;
  const shown = kind !== 'river' && hover && !isDone && spots.length ? [...spots, hover] : spots;
  const path = () => {
    ctx.beginPath();
    if (way) for (const step of way.steps) { const { xs, ys } = stretch(step.row, step.from, step.to); xs.forEach((x, k) => { const spot = turn(x, ys[k]); const [px, py] = at(spot.lng, spot.lat); if (k) ctx.lineTo(px, py); else ctx.moveTo(px, py); }); } else if (kind !== 'river') {
      const ring = kind === 'area' && shown.length > 2 ? [...shown, shown[0]] : shown;
      ring.forEach((spot, k) => { if (!k) ctx.moveTo(...at(...spot)); else for (const next of between(ring[k - 1], spot, 20000)) ctx.lineTo(...at(...next)); });
    }
  };
  if (kind === 'area' && shown.length > 2) { path(); ctx.fillStyle = 'rgba(184, 67, 47, 0.14)'; ctx.fill(); }
  for (const [width, colour] of [[6.5, 'rgba(255, 253, 246, 0.95)'], [3, '#b8432f']]) { path(); ctx.lineWidth = width; ctx.strokeStyle = colour; ctx.stroke(); }
  spots.forEach((spot) => {
    ctx.beginPath();
    ctx.arc(...at(...spot), 5, 0, 7);
    ctx.fillStyle = '#fff';
    ctx.fill();
    ctx.lineWidth = 2.4;
    ctx.strokeStyle = '#b8432f';
    ctx.stroke();
  });
}

feature({
  order: 20,
  tools: [['ruler', 'measure', () => (measuring.dock ? measuring.dock.close() : startMeasuring()), 'tool-measure']],
  start() {
    app.map.on('mousemove', (event) => { if (!measuring.dock) return; measuring.hover = [event.latlng.lng, event.latlng.lat]; app.over.redraw(); });
    app.map.on('dblclick', () => { if (measuring.dock && measuring.kind !== 'river') { measuring.isDone = true; drawMeasure(); } });
    on('language', () => drawMeasure());
    document.addEventListener('keydown', (event) => {
      if (!measuring.dock || /INPUT|TEXTAREA|SELECT/.test(document.activeElement.tagName)) return;
      if (event.key === 'Escape') { measuring.dock.close(); event.stopImmediatePropagation(); }
      if (event.key === 'Backspace' || (event.key === 'z' && (event.ctrlKey || event.metaKey))) { undoSpot(); event.preventDefault(); }
      // The keyboard measures between places under the middle of the map.
      if (event.key === ' ' && document.activeElement.id === 'map') { addSpot(app.map.getCenter()); event.preventDefault(); }
      if (event.key === 'Enter' && document.activeElement.id === 'map' && measuring.spots.length > 1) { measuring.isDone = true; drawMeasure(); event.stopImmediatePropagation(); }
    }, true);
  },
});
