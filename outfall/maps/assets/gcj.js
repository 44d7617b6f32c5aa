// Where a place lies in the shifted datums of Chinese base maps, and where one of their tiles truly lies on ours.
// The same formulas as outfall.coordinates; shares are positions in Web Mercator from 0 to 1, east and south.

function isInChina(lon, lat) {
  return lon > 72.004 && lon < 137.8347 && lat > 0.8293 && lat < 55.8271;
}

function toGcj(lon, lat) {
  if (!isInChina(lon, lat)) return [lon, lat];
  const { sin, sqrt, abs, cos, PI } = Math;
  const u = lon - 105, v = lat - 35;
  const wave = ((20 * sin(6 * u * PI) + 20 * sin(2 * u * PI)) * 2) / 3;
  let north = -100 + 2 * u + 3 * v + 0.2 * v * v + 0.1 * u * v + 0.2 * sqrt(abs(u)) + wave;
  north += ((20 * sin(v * PI) + 40 * sin((v / 3) * PI)) * 2) / 3 + ((160 * sin((v / 12) * PI) + 320 * sin((v / 30) * PI)) * 2) / 3;
  let east = 300 + u + 2 * v + 0.1 * u * u + 0.1 * u * v + 0.1 * sqrt(abs(u)) + wave;
  east += ((20 * sin(u * PI) + 40 * sin((u / 3) * PI)) * 2) / 3 + ((150 * sin((u / 12) * PI) + 300 * sin((u / 30) * PI)) * 2) / 3;
  const axis = 6378245, squared = 0.006693421622965823, phi = (lat * PI) / 180;
  const magic = 1 - squared * sin(phi) ** 2, root = sqrt(magic);
  return [lon + ((east / ((axis / root) * cos(phi))) * 180) / PI, lat + ((north / ((axis * (1 - squared)) / (magic * root))) * 180) / PI];
}

function gcjToBd(lon, lat) {
  if (!isInChina(lon, lat)) return [lon, lat];
  const turned = (Math.PI * 3000) / 180;
  const radius = Math.hypot(lon, lat) + 0.00002 * Math.sin(lat * turned);
  const angle = Math.atan2(lat, lon) + 0.000003 * Math.cos(lon * turned);
  return [radius * Math.cos(angle) + 0.0065, radius * Math.sin(angle) + 0.006];
}

// A shift is undone by walking back what is missing; a round leaves about a thousandth.
function undo(forward, lon, lat) {
  let east = lon, north = lat;
  for (let round = 0; round < 30; round++) {
    const [there, up] = forward(east, north);
    east += lon - there;
    north += lat - up;
    if (Math.max(Math.abs(lon - there), Math.abs(lat - up)) < 1e-11) break;
  }
  return [east, north];
}

function toDatum(datum, lon, lat) {
  if (datum === 'gcj02') return toGcj(lon, lat);
  return datum === 'bd09' ? gcjToBd(...toGcj(lon, lat)) : [lon, lat];
}

function fromDatum(datum, lon, lat) {
  if (datum === 'gcj02') return undo(toGcj, lon, lat);
  return datum === 'bd09' ? undo(toGcj, ...undo(gcjToBd, lon, lat)) : [lon, lat];
}

function lonLatOf(east, south) {
  return [(east - 0.5) * 360, (Math.atan(Math.sinh(Math.PI * (1 - 2 * south))) * 180) / Math.PI];
}

function sharesOf(lon, lat) {
  const sine = Math.sin((lat * Math.PI) / 180);
  return [lon / 360 + 0.5, 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI)];
}

// How a tile lies: the affine [a, b, c, d, e, f] that takes its unit square to true shares. All four corners are walked back; where
// the datum ends inside the tile, its middle is.
function placeTile(z, x, y, datum) {
  const n = 2 ** z;
  if (datum !== 'gcj02' && datum !== 'bd09') return [1 / n, 0, 0, 1 / n, x / n, y / n];
  const at = (u, v) => sharesOf(...fromDatum(datum, ...lonLatOf((x + u) / n, (y + v) / n)));
  const corners = [[0, 0], [1, 0], [0, 1], [1, 1]];
  const inside = corners.filter(([u, v]) => isInChina(...lonLatOf((x + u) / n, (y + v) / n))).length;
  if (inside < 4) {
    const [east, south] = inside ? at(0.5, 0.5) : [(x + 0.5) / n, (y + 0.5) / n];
    return [1 / n, 0, 0, 1 / n, east - 0.5 / n, south - 0.5 / n];
  }
  const [p, q, r, s] = corners.map(([u, v]) => at(u, v));
  const a = (q[0] + s[0] - p[0] - r[0]) / 2, b = (q[1] + s[1] - p[1] - r[1]) / 2;
  const c = (r[0] + s[0] - p[0] - q[0]) / 2, d = (r[1] + s[1] - p[1] - q[1]) / 2;
  return [a, b, c, d, (p[0] + q[0] + r[0] + s[0]) / 4 - (a + c) / 2, (p[1] + q[1] + r[1] + s[1]) / 4 - (b + d) / 2];
}

// Which tiles cover a box of true shares: left, top, right, bottom in tile numbers of that zoom.
function coverTiles(z, box, datum) {
  const n = 2 ** z, found = [Infinity, Infinity, -Infinity, -Infinity];
  for (const u of [0, 0.5, 1]) {
    for (const v of [0, 0.5, 1]) {
      const east = box[0] + u * (box[2] - box[0]), south = Math.max(1e-9, Math.min(1 - 1e-9, box[1] + v * (box[3] - box[1])));
      const [x, y] = sharesOf(...toDatum(datum, ...lonLatOf(east, south))).map((share) => share * n);
      found[0] = Math.min(found[0], x); found[1] = Math.min(found[1], y); found[2] = Math.max(found[2], x); found[3] = Math.max(found[3], y);
    }
  }
  const rim = datum === 'gcj02' || datum === 'bd09' ? 0.03 : 0;
  const whole = (value) => Math.max(0, Math.min(n - 1, Math.floor(value)));
  return [whole(found[0] - rim), whole(found[1] - rim), whole(found[2] + rim), whole(found[3] + rim)];
}
