// A histogram with two handles and a window between them: which part of a scale a reader looks at. Works by pointer, touch and keyboard.

// made: {count, from, to, bars, colour(at), label, names: [from, to, window], text(at), span(from, to), change(from, to, isDone)}
function brush(made) {
  const state = { from: made.from, to: made.to };
  const canvas = el('canvas', { class: 'brush-bars', 'aria-hidden': 'true' });
  const slider = (kind, at) => el('button', { type: 'button', role: 'slider', class: `grab ${kind}`, 'aria-label': made.names[at], 'aria-valuemin': 0, 'aria-valuemax': made.count });
  const handles = { from: slider('from', 0), to: slider('to', 1), window: slider('window', 2) };
  const node = el('div', { class: 'brush', role: 'group', 'aria-label': made.label }, canvas, handles.window, handles.from, handles.to);

  function place() {
    const percent = (at) => `${(at / made.count) * 100}%`;
    const { from, to } = state;
    handles.from.style.left = percent(from);
    handles.to.style.left = percent(to);
    Object.assign(handles.window.style, { left: percent(from), width: percent(to - from) });
    for (const [kind, at] of [['from', from], ['to', to], ['window', from]]) {
      handles[kind].setAttribute('aria-valuenow', String(at));
      handles[kind].setAttribute('aria-valuetext', kind === 'window' ? made.span(from, to) : made.text(at, kind));
    }
    paint();
  }

  function paint() {
    const width = canvas.clientWidth, height = canvas.clientHeight, ratio = Math.min(2, window.devicePixelRatio || 1);
    if (!width) return;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const ctx = canvas.getContext('2d');
    ctx.scale(ratio, ratio);
    const most = Math.max(1, ...made.bars), step = width / made.count, gap = step > 5 ? 1 : 0;
    for (let at = 0; at < made.count; at++) {
      if (!made.bars[at]) continue;
      const tall = Math.max(2, (made.bars[at] / most) * (height - 2));
      ctx.fillStyle = at >= state.from && at < state.to ? made.colour(at) : '#cfc8b8';
      ctx.fillRect(at * step + gap / 2, height - tall, Math.max(1, step - gap), tall);
    }
  }

  function set(from, to, isDone) {
    const width = Math.max(1, Math.min(made.count, to - from));
    const start = Math.max(0, Math.min(made.count - width, from));
    const isNew = start !== state.from || start + width !== state.to;
    if (!isNew && !isDone) return;
    state.from = start;
    state.to = start + width;
    place();
    if (made.change) made.change(state.from, state.to, Boolean(isDone));
  }

  function move(kind, by, isDone) {
    const { from, to } = state;
    if (kind === 'from') set(Math.max(0, Math.min(to - 1, from + by)), to, isDone);
    else if (kind === 'to') set(from, Math.max(from + 1, Math.min(made.count, to + by)), isDone);
    else set(from + by, to + by, isDone);
  }

  const KEYS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -Infinity, End: Infinity };
  for (const kind of Object.keys(handles)) {
    handles[kind].addEventListener('keydown', (event) => {
      if (!(event.key in KEYS)) return;
      event.preventDefault();
      event.stopPropagation();
      const by = KEYS[event.key];
      move(kind, Math.max(-made.count, Math.min(made.count, Math.abs(by) === 10 ? Math.sign(by) * Math.max(1, Math.round(made.count / 10)) : by)), true);
    });
  }
  dragBrush(node, handles, state, made, { set, move });
  new ResizeObserver(paint).observe(canvas);
  place();
  return { node, state, set, place };
}

// Dragging a handle moves it; the window moves whole; on free ground a new window is drawn, and a mere tap brings the window there.
function dragBrush(node, handles, state, made, act) {
  let held = null;
  const at = (event) => {
    const box = node.getBoundingClientRect();
    return Math.max(0, Math.min(made.count, ((event.clientX - box.left) / box.width) * made.count));
  };
  node.addEventListener('pointerdown', (event) => {
    if (event.button) return;
    const isWhole = state.to - state.from === made.count;
    const kind = event.target === handles.from ? 'from' : event.target === handles.to ? 'to' : event.target === handles.window && !isWhole ? 'window' : 'new';
    held = { kind, start: at(event), from: state.from, to: state.to, isMoved: false };
    if (kind !== 'new') handles[kind].focus({ preventScroll: true });
    node.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  node.addEventListener('pointermove', (event) => {
    if (!held) return;
    const here = at(event);
    held.isMoved = held.isMoved || Math.abs(here - held.start) > made.count / 200;
    if (!held.isMoved) return;
    const by = Math.round(here - held.start);
    if (held.kind === 'from') act.set(Math.max(0, Math.min(held.to - 1, held.from + by)), held.to);
    else if (held.kind === 'to') act.set(held.from, Math.max(held.from + 1, Math.min(made.count, held.to + by)));
    else if (held.kind === 'window') act.set(held.from + by, held.to + by);
    else act.set(Math.floor(Math.min(held.start, here)), Math.ceil(Math.max(held.start, here)));
  });
  const drop = (event) => {
    if (!held) return;
    const width = state.to - state.from;
    if (held.kind === 'new' && !held.isMoved && width < made.count) act.set(Math.round(at(event) - width / 2), Math.round(at(event) - width / 2) + width, true);
    else act.set(state.from, state.to, true);
    held = null;
  };
  node.addEventListener('pointerup', drop);
  node.addEventListener('pointercancel', drop);
}
