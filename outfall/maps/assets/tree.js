// The layer tree: groups in groups that fold and switch, and for every layer its switch and its menu. Nothing of it is remembered outside the page.

ICONS.more = 'M6 12h.01M12 12h.01M18 12h.01';

const tree = { isOpen: dictionary(), menu: '' };

// Returns the layers as nested groups, each where its topmost layer stands.
function groupsOf(layers) {
  const root = { path: '', parts: [] };
  const made = dictionary({ '': root });
  for (const layer of layers) {
    const words = (layer.group || '').split('/').filter(Boolean);
    let here = root;
    words.forEach((_, at) => {
      const path = words.slice(0, at + 1).join('/');
      if (!made[path]) { made[path] = { path, parts: [] }; here.parts.push(made[path]); }
      here = made[path];
    });
    here.parts.push(layer);
  }
  return root;
}

// A map whose layers all stand in one group needs no heading for it.
function treeOf(layers) {
  const root = groupsOf(layers);
  const only = root.parts.length === 1 && root.parts[0].parts ? root.parts[0] : root;
  return only.parts.map((part) => treeBranch(part, ''));
}

// A group that holds but one group is said in one line with it.
function treeBranch(part, before) {
  if (!part.parts) return layerNode(part);
  const name = before ? `${before} · ${groupName(part.path)}` : groupName(part.path);
  return part.parts.length === 1 && part.parts[0].parts ? treeBranch(part.parts[0], name) : groupNode(part, name);
}

const treeLeaves = (group) => group.parts.flatMap((part) => (part.parts ? treeLeaves(part) : [part]));
const isLayerOn = (layer) => app.map.hasLayer(app.sheets[layer.name]);

function groupName(path) {
  const last = path.split('/').pop();
  for (const key of [`group.${path}`, `group.${last}`]) if (say(key) !== key) return say(key);
  return last;
}

function groupNode(group, name) {
  const layers = treeLeaves(group);
  const on = layers.filter(isLayerOn).length;
  const state = on === 0 ? 'false' : on === layers.length ? 'true' : 'mixed';
  const toggle = el('button', {
    class: 'switch', type: 'button', role: 'checkbox', 'aria-checked': state, 'data-focus': `group:${group.path}`,
    'aria-label': `${say('group.show')}: ${name}`, title: say('group.show'),
    onclick: (event) => { event.preventDefault(); switchGroup(layers, on < layers.length); },
  });
  const head = el('summary', { 'data-focus': `fold:${group.path}` }, icon('open'), el('span', { class: 'name' }, name),
    el('span', { class: 'count' }, `${on}/${layers.length}`), toggle);
  const key = `group:${group.path}`;
  return el('details', {
    class: 'group', 'data-group': group.path, open: tree.isOpen[key] !== false,
    ontoggle: (event) => { if (event.target === event.currentTarget) tree.isOpen[key] = event.target.open; },
  }, head, el('div', { class: 'members' }, group.parts.map((part) => treeBranch(part, ''))));
}

function switchGroup(layers, isWanted) {
  for (const layer of layers) {
    const sheet = app.sheets[layer.name];
    if (isWanted && !isLayerOn(layer)) sheet.addTo(app.map);
    else if (!isWanted && isLayerOn(layer)) sheet.remove();
  }
  emit('filter');
}

function layerNode(layer) {
  const sheet = app.sheets[layer.name];
  const isShown = isLayerOn(layer);
  const toggle = el('button', {
    class: 'switch', type: 'button', role: 'switch', 'aria-checked': String(isShown), 'data-focus': `switch:${layer.name}`,
    'aria-label': `${say('legend.show')}: ${called(layer)}`, onclick: (event) => { event.preventDefault(); toggleLayer(layer.name); },
  });
  const isMenu = tree.menu === layer.name;
  const more = el('button', {
    class: 'mini more-button', type: 'button', 'aria-expanded': String(isMenu), 'data-focus': `menu:${layer.name}`,
    'aria-label': `${say('layer.menu')}: ${called(layer)}`, title: say('layer.menu'),
    onclick: (event) => { event.preventDefault(); tree.menu = isMenu ? '' : layer.name; if (!isMenu) tree.isOpen[layer.name] = true; drawLegend(); },
  }, icon('more'));
  const count = layer.kind === 'raster' ? '' : headText(layer, sheet, countsOf(layer, sheet));
  const head = el('summary', { 'data-focus': `layer:${layer.name}` }, icon('open'), el('span', { class: 'name' }, called(layer)), el('span', { class: 'count' }, count), more, toggle);
  // A long list of kinds starts folded, so that the rest of the legend is seen.
  const isLong = layer.kind === 'points' && sheet.looks.length > 8;
  const known = tree.isOpen[layer.name];
  const isOpen = known === undefined ? layer.shown && !isLong && (layer.kind === 'raster' || layer.n > 0) : known;
  return el('details', {
    'data-layer': layer.name, open: isOpen, class: isShown ? '' : 'off',
    ontoggle: (event) => { if (event.target === event.currentTarget) tree.isOpen[layer.name] = event.target.open; },
  }, head, sideChoice(layer), isMenu ? menuOf(layer, sheet) : null, layer.kind === 'raster' ? rasterRows(layer, sheet) : classesOf(layer, sheet));
}

function menuOf(layer, sheet) {
  const modes = typeof MODES === 'undefined' ? [] : MODES;
  const choice = (mode) => el('button', {
    type: 'button', role: 'radio', class: 'chip', 'aria-checked': String((sheet.mode || 'auto') === mode), 'data-focus': `mode:${layer.name}:${mode}`,
    onclick: () => { sheet.mode = mode; emit('filter'); },
  }, say(`gather.${mode}`));
  return el('div', { class: 'menu', role: 'group', 'aria-label': `${say('layer.menu')}: ${called(layer)}` },
    el('button', { type: 'button', class: 'chip', 'data-focus': `zoom:${layer.name}`, onclick: () => zoomTo(layer, sheet) }, icon('fit'), say('layer.zoom')),
    el('button', { type: 'button', class: 'chip', 'data-focus': `alone:${layer.name}`, onclick: () => aloneLayer(layer) }, icon('eye'), say('layer.alone')),
    layer.kind === 'points' && modes.length > 1 ? el('div', { class: 'modes', role: 'radiogroup', 'aria-label': say('layer.mode') }, el('span', {}, say('layer.mode')), modes.map(choice)) : null);
}

function zoomTo(layer, sheet) {
  const box = sheet.getBounds();
  if (!isLayerOn(layer)) toggleLayer(layer.name);
  if (box.isValid()) app.map.fitBounds(box, { ...room(), maxZoom: 17, animate: !calm() });
}

// Alone again shows all: a second press takes the first one back.
function aloneLayer(layer) {
  const others = app.data.layers.filter((other) => other !== layer);
  const isAlone = isLayerOn(layer) && !others.some(isLayerOn);
  for (const other of others) {
    const sheet = app.sheets[other.name];
    if (isAlone && other.shown) sheet.addTo(app.map);
    else if (!isAlone && isLayerOn(other)) sheet.remove();
  }
  if (!isLayerOn(layer)) app.sheets[layer.name].addTo(app.map);
  emit('filter');
}
