// When was it seen: a time axis under the map that narrows every layer with a time to one window, which can be dragged and played.

ICONS.play = 'M8 5l11 7-11 7z';
ICONS.pause = 'M8 5v14M16 5v14';
ICONS.whole = 'M4 5v14M20 5v14M8 12h8M8 12l3-3M8 12l3 3M16 12l-3-3M16 12l-3 3';

const clock = { names: '', layers: [], unit: '', edges: [], from: 0, to: 0, speed: 1, hasMissing: true, timer: null, brush: null };
const TIME_SPEEDS = [0.5, 1, 2, 4];
const TICK_MS = 900;

const timedLayers = () => app.data.layers.filter((layer) => layer.time && layer.column && layer.n && isLayerOn(layer) && momentsOf(layer).sorted.length);

const timeSpan = () => [Math.min(...clock.layers.map((layer) => momentsOf(layer).sorted[0])), Math.max(...clock.layers.map((layer) => momentsOf(layer).sorted[momentsOf(layer).sorted.length - 1]))];

const isWholeTime = () => clock.from === 0 && clock.to === clock.edges.length - 1;

// Which layers take part is looked at whenever layers are switched; the window stays where it was.
function gatherTimes() {
  const layers = timedLayers();
  const names = layers.map((layer) => layer.name).join('\n');
  if (names === clock.names) return;
  const kept = clock.layers.length && !isWholeTime() ? [clock.edges[clock.from], clock.edges[clock.to]] : null;
  for (const layer of clock.layers) if (!layers.includes(layer)) app.sheets[layer.name].filters.delete('time');
  clock.names = names;
  clock.layers = layers;
  if (layers.length) {
    const [first, last] = timeSpan();
    if (!clock.unit || !fitsUnit(clock.unit, first, last)) clock.unit = unitFor(first, last, layers.every((layer) => layer.column[layer.time].day));
    setTimeEdges(kept);
  } else pauseTime();
  drawTime();
}

function setTimeEdges(kept) {
  const [first, last] = timeSpan();
  clock.edges = edgesOf(clock.unit, first, last);
  const top = clock.edges.length - 1;
  clock.from = kept ? Math.max(0, Math.min(top - 1, countBelow(clock.edges, kept[0] + 1) - 1)) : 0;
  clock.to = kept ? Math.max(clock.from + 1, Math.min(top, countBelow(clock.edges, kept[1]))) : top;
  clock.bars = clock.edges.slice(1).map((edge, at) => clock.layers.reduce((sum, layer) => {
    const { sorted } = momentsOf(layer);
    return sum + countBelow(sorted, edge) - countBelow(sorted, clock.edges[at]);
  }, 0));
  applyTime(true);
}

function applyTime(isDone) {
  const low = clock.edges[clock.from], high = clock.edges[clock.to], { hasMissing } = clock;
  for (const layer of clock.layers) {
    const { filters } = app.sheets[layer.name];
    const { seconds, missing } = momentsOf(layer);
    if (isWholeTime() && (hasMissing || !missing)) filters.delete('time');
    else filters.set('time', (row) => { const at = seconds[row]; return at === at ? at >= low && at < high : hasMissing; });
  }
  narrowed(clock.layers.map((layer) => app.sheets[layer.name]), isDone);
  sayTime();
}

function sayTime() {
  const node = document.getElementById('time');
  if (!node || !node.firstChild || !clock.layers.length) return;
  let inside = 0, all = 0;
  for (const layer of clock.layers) {
    const { sorted, missing } = momentsOf(layer);
    inside += countBelow(sorted, clock.edges[clock.to]) - countBelow(sorted, clock.edges[clock.from]) + (clock.hasMissing ? missing : 0);
    all += layer.n;
  }
  node.querySelector('.window-text').textContent = sayStretch(clock.unit, clock.edges[clock.from], clock.edges[clock.to]);
  node.querySelector('.inside').textContent = say('time.inside', number(inside), number(all));
  node.querySelector('.whole').disabled = isWholeTime();
}

function setTime(from, to, isDone) {
  clock.from = from;
  clock.to = to;
  applyTime(isDone);
}

function setTimeUnit(unit) {
  const kept = isWholeTime() ? null : [clock.edges[clock.from], clock.edges[clock.to]];
  clock.unit = unit;
  setTimeEdges(kept);
  drawTime();
}

function playTime() {
  const top = clock.edges.length - 1;
  if (isWholeTime() || clock.to === top) {
    const width = isWholeTime() ? 1 : clock.to - clock.from;
    clock.brush.set(0, width, true);
  }
  clock.timer = setInterval(stepTime, (calm() ? Math.max(1, 1 / clock.speed) : 1 / clock.speed) * TICK_MS);
  drawTimeButton();
}

function pauseTime() {
  clearInterval(clock.timer);
  clock.timer = null;
  drawTimeButton();
}

// Empty stretches between two surveys are skipped.
function stepTime() {
  const top = clock.edges.length - 1, width = clock.to - clock.from;
  let from = clock.from + 1;
  while (from + width < top && !clock.bars.slice(from, from + width).some(Boolean)) from++;
  if (from + width > top) { pauseTime(); return; }
  clock.brush.set(from, from + width);
  if (from + width === top) pauseTime();
}

function drawTimeButton() {
  const button = document.querySelector('#time .play');
  if (!button) return;
  const key = clock.timer ? 'time.pause' : 'time.play';
  fill(button, icon(clock.timer ? 'pause' : 'play'));
  button.setAttribute('aria-label', say(key));
  button.title = say(key);
}

function timeTicks() {
  const top = clock.edges.length - 1;
  const most = Math.max(2, Math.floor((document.getElementById('time').clientWidth - 40) / 110));
  const every = Math.max(1, Math.ceil(top / most));
  const locale = app.lang === 'zh' ? 'zh-CN' : 'en-GB';
  const isLong = clock.edges[top] - clock.edges[0] > 330 * 86400;
  const parts = clock.unit === 'hour' ? { month: 'numeric', day: 'numeric', hour: '2-digit', hour12: false } : clock.unit === 'month' || isLong ? { year: 'numeric', month: 'short' } : { month: 'short', day: 'numeric' };
  const written = new Intl.DateTimeFormat(locale, parts);
  const marks = [];
  for (let at = 0; at < top; at += every) if (at === 0 || (top - at) / top > 0.06) marks.push(el('i', { style: { left: `${(at / top) * 100}%` } }, written.format(new Date(clock.edges[at] * 1000))));
  return marks;
}

function timeChoice(key, options, value, act) {
  return el('label', { class: 'pick' }, el('span', {}, say(key)), el('select', { 'aria-label': say(key), onchange: (event) => act(event.target.value) },
    options.map(([name, text, isOff]) => el('option', { value: name, selected: String(name) === String(value), disabled: Boolean(isOff) }, text))));
}

function drawTime() {
  const node = document.getElementById('time');
  const isThere = clock.layers.length > 0;
  node.hidden = !isThere;
  document.body.classList.toggle('has-time', isThere);
  if (!isThere) { fill(node); return; }
  const [first, last] = timeSpan();
  const missing = clock.layers.reduce((sum, layer) => sum + momentsOf(layer).missing, 0);
  const isDays = clock.layers.every((layer) => layer.column[layer.time].day);
  node.setAttribute('aria-label', say('time'));
  clock.brush = brush({
    count: clock.edges.length - 1, from: clock.from, to: clock.to, bars: clock.bars, colour: () => '#0b5877', label: say('time'),
    names: [say('time.from'), say('time.to'), say('time.window')],
    text: (at, kind) => sayStretch(clock.unit, clock.edges[kind === 'to' ? at - 1 : at], clock.edges[kind === 'to' ? at : at + 1] || clock.edges[at]), span: (from, to) => sayStretch(clock.unit, clock.edges[from], clock.edges[to]),
    change: setTime,
  });
  const units = TIME_UNITS.filter((unit) => unit !== 'hour' || !isDays);
  fill(node,
    el('div', { class: 'time-head' },
      el('button', { type: 'button', class: 'round play', onclick: () => (clock.timer ? pauseTime() : playTime()) }),
      el('div', { class: 'time-says' }, el('b', { class: 'window-text' }), el('span', { class: 'inside' })),
      el('div', { class: 'time-tools' },
        timeChoice('time.step', units.map((unit) => [unit, say(`time.${unit}`), !fitsUnit(unit, first, last)]), clock.unit, setTimeUnit),
        timeChoice('time.speed', TIME_SPEEDS.map((speed) => [speed, `${speed}×`]), clock.speed, (value) => { clock.speed = Number(value); if (clock.timer) { pauseTime(); playTime(); } }),
        missing ? el('label', { class: 'pick missing' }, el('input', { type: 'checkbox', checked: clock.hasMissing, onchange: (event) => { clock.hasMissing = event.target.checked; applyTime(true); } }), say('time.missing', number(missing))) : null,
        el('button', { type: 'button', class: 'mini whole', 'aria-label': say('time.whole'), title: say('time.whole'), onclick: () => { pauseTime(); clock.brush.set(0, clock.edges.length - 1, true); } }, icon('whole')))),
    clock.brush.node, el('div', { class: 'ticks', 'aria-hidden': 'true' }, timeTicks()),
    el('p', { class: 'zone' }, isDays ? say('time.days') : say('time.zone', zoneText(first)), ` · ${clock.layers.map(called).join(app.lang === 'zh' ? '、' : ', ')}`));
  clock.brush.place();
  drawTimeButton();
  sayTime();
  document.body.style.setProperty('--time-height', `${node.offsetHeight}px`);
}

feature({
  order: 60,
  start() {
    document.body.append(el('section', { id: 'time', hidden: true }));
    on('filter', gatherTimes);
    on('language', drawTime);
    window.addEventListener('resize', () => {
      if (!clock.layers.length) return;
      fill(document.querySelector('#time .ticks'), timeTicks());
      document.body.style.setProperty('--time-height', `${document.getElementById('time').offsetHeight}px`);
    });
    document.addEventListener('visibilitychange', () => { if (document.hidden && clock.timer) pauseTime(); });
    gatherTimes();
  },
});
