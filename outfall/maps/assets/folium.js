// The same layers on a folium map: a group that fills when its data is unpacked; a click shows the fields as text.

function popupOf(layer, row) {
  const cell = { padding: '2px 8px 2px 0', verticalAlign: 'top', overflowWrap: 'anywhere' };
  const rows = layer.popup.map((name) => [layer.column[name], layer.column[name] ? shown(layer.column[name], row) : null]).filter((pair) => pair[1] !== null && pair[1] !== '');
  return el('div', { style: { maxHeight: '320px', overflow: 'auto', font: '12px/1.5 sans-serif' } },
    el('b', { style: { fontSize: '14px' } }, titleOf(layer.name, row)),
    el('table', { style: { borderCollapse: 'collapse' } }, rows.map(([column, text]) => el('tr', {}, el('td', { style: { ...cell, color: '#5d6a74', whiteSpace: 'nowrap' } }, called(column)), el('td', { style: cell }, text)))));
}

function listenTo(map) {
  if (map.outfallSheets) return;
  map.outfallSheets = [];
  const under = (latlng) => {
    for (const sheet of [...map.outfallSheets].sort((one, other) => (other.layer.kind === 'points') - (one.layer.kind === 'points') || map.outfallSheets.indexOf(other) - map.outfallSheets.indexOf(one))) {
      const row = sheet._map ? sheet.hit(latlng, sheet.layer.kind === 'points' ? 11 : 7) : -1;
      if (row >= 0) return { layer: sheet.layer, row };
    }
    return null;
  };
  map.on('click', (event) => {
    const hit = under(event.latlng);
    if (!hit) return;
    app.layers[hit.layer.name] = hit.layer;
    L.popup({ maxWidth: 420 }).setLatLng(event.latlng).setContent(popupOf(hit.layer, hit.row)).openOn(map);
  });
}

window.outfallMaps = {
  layer(text) {
    const group = L.layerGroup();
    group.on('add', () => listenTo(group._map));
    unpack(text).then((data) => {
      app.data = data;
      app.lang = data.lang;
      for (const layer of data.layers) {
        const Kind = SHEET_OF[layer.kind];
        const sheet = new Kind(layer, { pane: 'overlayPane', lang: data.lang });
        sheet.on('add', () => {
          listenTo(sheet._map);
          sheet._container.style.pointerEvents = 'none';
          sheet._container.style.zIndex = String(['polygons', 'lines', 'points'].indexOf(layer.kind));
          if (!sheet._map.outfallSheets.includes(sheet)) sheet._map.outfallSheets.push(sheet);
        });
        group.addLayer(sheet);
      }
      group.fire('unpacked');
      window.outfallMaps.unpacked += 1;
    });
    return group;
  },
  unpacked: 0,
};
