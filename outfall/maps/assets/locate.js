// Where am I: the device's position with its accuracy, followed if wished, and how far and which way the selection lies from it.

const located = { dock: null, watch: null, spot: null, trouble: '', isFollowing: true };

function startLocating() {
  if (located.dock) { located.dock.close(); return; }
  Object.assign(located, { spot: null, trouble: '', isFollowing: true });
  located.dock = openDock('locate', say('locate'), stopLocating);
  painters.set('locate', paintLocated);
  drawLocated();
  if (!navigator.geolocation) { fail('none'); return; }
  located.watch = navigator.geolocation.watchPosition(
    ({ coords }) => take({ lon: coords.longitude, lat: coords.latitude, accuracy: coords.accuracy }),
    (error) => fail(['none', 'denied', 'unavailable', 'late'][error.code] || 'none'),
    { enableHighAccuracy: true, timeout: 20000, maximumAge: 5000 });
}

function stopLocating() {
  if (located.watch !== null) navigator.geolocation.clearWatch(located.watch);
  Object.assign(located, { dock: null, watch: null, spot: null });
  painters.delete('locate');
  app.over.redraw();
}

function take(spot) {
  const isFirst = !located.spot;
  Object.assign(located, { spot, trouble: '' });
  if (located.isFollowing || isFirst) app.map.setView([spot.lat, spot.lon], Math.max(app.map.getZoom(), isFirst ? 15 : 0), { animate: !calm() });
  drawLocated();
  if (isFirst) announce(`${written(spot.lon, spot.lat, 'd')}, ${awaySaid()}`);
}

function fail(kind) {
  if (located.spot) return;
  located.trouble = kind;
  drawLocated();
  announce(say(`locate.${kind}`));
}

// How far the selected feature is, and in which direction.
function awaySaid() {
  const { spot } = located;
  const { selected } = app;
  if (!spot || !selected || app.layers[selected.layer].kind !== 'points') return '';
  const there = place(selected.layer, selected.row);
  if (!there) return '';
  const { metres: off, bearing } = inverse(spot.lon, spot.lat, there.lon, there.lat);
  return say('locate.away', titleOf(selected.layer, selected.row), precise(off), bearing.toFixed(0), pointOf(bearing, app.lang));
}

function drawLocated() {
  const { dock, spot, trouble } = located;
  if (!dock) return;
  dock.node.querySelector('h2').textContent = say('locate');
  const held = dock.body.querySelector('input[type=text]');
  const typed = held ? held.value : '';
  const isTyping = held && document.activeElement === held;
  const field = el('input', { type: 'text', id: 'locate-typed', value: typed, placeholder: say('locate.example'), 'aria-label': say('locate.type'), autocomplete: 'off', spellcheck: 'false' });
  const given = el('select', { id: 'locate-datum', 'aria-label': say('locate.datum') }, ['WGS 84', 'GCJ-02'].map((kind) => el('option', { value: kind }, kind)));
  const enter = () => {
    const found = readPosition(field.value);
    if (!found) { field.setAttribute('aria-invalid', 'true'); announce(say('locate.unread')); return; }
    const [lon, lat] = given.value === 'GCJ-02' ? fromDatum('gcj02', found.lon, found.lat) : [found.lon, found.lat];
    if (located.watch !== null) { navigator.geolocation.clearWatch(located.watch); located.watch = null; }
    located.spot = null;
    take({ lon, lat, accuracy: 0 });
  };
  field.addEventListener('keydown', (event) => { if (event.key === 'Enter') enter(); event.stopPropagation(); });
  fill(dock.body,
    trouble ? el('p', { class: 'trouble', role: 'alert' }, say(`locate.${trouble}`)) : el('p', { class: 'result', id: 'located' },
      el('b', {}, spot ? written(spot.lon, spot.lat, 'd') : say('locate.waiting')), spot && el('span', {}, [spot.accuracy ? say('locate.accuracy', metres(spot.accuracy)) : say('locate.typed'), awaySaid() || say('locate.choose')].join(' · '))),
    spot && spot.accuracy ? el('div', { class: 'chips' }, el('button', { type: 'button', class: 'chip', id: 'locate-follow', 'aria-pressed': String(located.isFollowing), onclick: () => { located.isFollowing = !located.isFollowing; if (located.isFollowing && located.spot) take(located.spot); else drawLocated(); } }, icon('target'), say('locate.follow')),
      el('button', { type: 'button', class: 'chip', onclick: (event) => copy(written(spot.lon, spot.lat, 'd'), event.currentTarget) }, icon('copy'), say('copy'))) : null,
    trouble || (spot && !spot.accuracy) ? el('div', { class: 'typed' }, el('label', {}, say('locate.type'), field), given, el('button', { type: 'button', class: 'chip', id: 'locate-enter', onclick: enter }, icon('done'), say('locate.go'))) : null);
  if (isTyping && field.isConnected) field.focus();
  app.over.redraw();
}

function paintLocated(ctx, at, view) {
  const { spot } = located;
  if (!spot) return;
  const [x, y] = at(spot.lon, spot.lat);
  const { selected } = app;
  const there = selected && app.layers[selected.layer].kind === 'points' && place(selected.layer, selected.row);
  if (there) {
    ctx.setLineDash([6, 5]);
    for (const [width, colour] of [[5, 'rgba(255,253,246,.9)'], [2, '#1479a8']]) { ctx.beginPath(); ctx.moveTo(x, y); ctx.lineTo(...at(there.lon, there.lat)); ctx.lineWidth = width; ctx.strokeStyle = colour; ctx.stroke(); }
    ctx.setLineDash([]);
  }
  if (spot.accuracy) {
    ctx.beginPath();
    ctx.arc(x, y, (spot.accuracy * view.scale) / (40075016.686 * Math.cos(spot.lat * RAD)), 0, 7);
    ctx.fillStyle = 'rgba(20, 121, 168, 0.14)';
    ctx.fill();
    ctx.lineWidth = 1.4;
    ctx.strokeStyle = 'rgba(20, 121, 168, 0.7)';
    ctx.stroke();
  }
  for (const [radius, colour] of [[9, '#ffffff'], [6.5, '#1479a8']]) { ctx.beginPath(); ctx.arc(x, y, radius, 0, 7); ctx.fillStyle = colour; ctx.fill(); }
}

feature({
  order: 10,
  tools: [['locate', 'locate', startLocating, 'tool-locate']],
  start() {
    app.map.on('dragstart', () => { if (located.dock && located.isFollowing && located.spot) { located.isFollowing = false; drawLocated(); } });
    on('select', () => drawLocated());
    on('language', () => drawLocated());
  },
});
