// How far, how large, which way, and where in other systems: geodesy on the ellipsoid, and how positions are written and read.

const WGS84 = { a: 6378137, f: 1 / 298.257223563 };
const CGCS2000 = { a: 6378137, f: 1 / 298.257222101 };
const RAD = Math.PI / 180;
const wrapped = (degrees) => (Math.abs(degrees) <= 180 ? degrees : (((degrees % 360) + 540) % 360) - 180);

// Vincenty's inverse: metres and bearing in degrees from one place to another.
function inverse(lon1, lat1, lon2, lat2) {
  const { a, f } = WGS84, b = a * (1 - f);
  const u1 = Math.atan((1 - f) * Math.tan(lat1 * RAD)), u2 = Math.atan((1 - f) * Math.tan(lat2 * RAD));
  const [s1, c1, s2, c2] = [Math.sin(u1), Math.cos(u1), Math.sin(u2), Math.cos(u2)];
  const l = wrapped(lon2 - lon1) * RAD;
  let lambda = l, sinS = 0, cosS = 1, sigma = 0, cosA2 = 1, cosM = 0;
  for (let turnCount = 0; turnCount < 200; turnCount++) {
    const sl = Math.sin(lambda), cl = Math.cos(lambda);
    sinS = Math.hypot(c2 * sl, c1 * s2 - s1 * c2 * cl);
    if (sinS === 0) return { metres: 0, bearing: 0 };
    cosS = s1 * s2 + c1 * c2 * cl;
    sigma = Math.atan2(sinS, cosS);
    const sinA = (c1 * c2 * sl) / sinS;
    cosA2 = 1 - sinA * sinA;
    cosM = cosA2 ? cosS - (2 * s1 * s2) / cosA2 : 0;
    const C = (f / 16) * cosA2 * (4 + f * (4 - 3 * cosA2));
    const before = lambda;
    lambda = l + (1 - C) * f * sinA * (sigma + C * sinS * (cosM + C * cosS * (2 * cosM * cosM - 1)));
    if (Math.abs(lambda - before) < 1e-12) break;
  }
  const uu = (cosA2 * (a * a - b * b)) / (b * b);
  const A = 1 + (uu / 16384) * (4096 + uu * (uu * (320 - 175 * uu) - 768)), B = (uu / 1024) * (256 + uu * (uu * (74 - 47 * uu) - 128));
  const off = B * sinS * (cosM + (B / 4) * (cosS * (2 * cosM * cosM - 1) - (B / 6) * cosM * (4 * sinS * sinS - 3) * (4 * cosM * cosM - 3)));
  const bearing = Math.atan2(c2 * Math.sin(lambda), c1 * s2 - s1 * c2 * Math.cos(lambda)) / RAD;
  return { metres: b * A * (sigma - off), bearing: (bearing + 360) % 360 };
}

// Vincenty's direct: the place so many metres away in a direction.
function direct(lon, lat, bearing, metres) {
  const { a, f } = WGS84, b = a * (1 - f);
  const u1 = Math.atan((1 - f) * Math.tan(lat * RAD)), s1 = Math.sin(u1), c1 = Math.cos(u1);
  const sa = Math.sin(bearing * RAD), ca = Math.cos(bearing * RAD);
  const first = Math.atan2(Math.tan(u1), ca), sinA = c1 * sa, cosA2 = 1 - sinA * sinA;
  const uu = (cosA2 * (a * a - b * b)) / (b * b);
  const A = 1 + (uu / 16384) * (4096 + uu * (uu * (320 - 175 * uu) - 768)), B = (uu / 1024) * (256 + uu * (uu * (74 - 47 * uu) - 128));
  let sigma = metres / (b * A), cosM = 0;
  for (let turnCount = 0; turnCount < 100; turnCount++) {
    cosM = Math.cos(2 * first + sigma);
    const ss = Math.sin(sigma), cs = Math.cos(sigma), before = sigma;
    sigma = metres / (b * A) + B * ss * (cosM + (B / 4) * (cs * (2 * cosM * cosM - 1) - (B / 6) * cosM * (4 * ss * ss - 3) * (4 * cosM * cosM - 3)));
    if (Math.abs(sigma - before) < 1e-13) break;
  }
  const ss = Math.sin(sigma), cs = Math.cos(sigma);
  const lat2 = Math.atan2(s1 * cs + c1 * ss * ca, (1 - f) * Math.hypot(sinA, s1 * ss - c1 * cs * ca));
  const lambda = Math.atan2(ss * sa, c1 * cs - s1 * ss * ca);
  const C = (f / 16) * cosA2 * (4 + f * (4 - 3 * cosA2));
  const l = lambda - (1 - C) * f * sinA * (sigma + C * ss * (cosM + C * cs * (2 * cosM * cosM - 1)));
  return [lon + l / RAD, lat2 / RAD];
}

// Points of the shortest line between two places, close enough together to be drawn straight; without the first.
function between(one, other, stepM) {
  const { metres, bearing } = inverse(...one, ...other);
  const n = Math.min(128, Math.max(1, Math.ceil(metres / (stepM || 5000))));
  return Array.from({ length: n }, (_, k) => (k + 1 === n ? other : direct(...one, bearing, (metres * (k + 1)) / n)));
}

function lengthOf(spots) {
  let sum = 0;
  for (let k = 1; k < spots.length; k++) sum += inverse(...spots[k - 1], ...spots[k]).metres;
  return sum;
}

// Area within a ring on the ellipsoid, its sides shortest lines: the equal-area latitude summed along them.
function areaOf(spots) {
  if (spots.length < 3) return 0;
  const { a, f } = WGS84, e2 = f * (2 - f), e = Math.sqrt(e2);
  const whole = (lat) => { const s = Math.sin(lat * RAD); return (1 - e2) * (s / (1 - e2 * s * s) + Math.atanh(e * s) / e); };
  const q = (lat) => whole(lat) - whole(spots[0][1]);
  let sum = 0, last = spots[0];
  for (let k = 0; k < spots.length; k++) {
    for (const next of between(spots[k], spots[(k + 1) % spots.length], 300)) {
      const turned = wrapped(next[0] - last[0]) * RAD;
      sum += turned * (q(last[1]) + q(next[1]) + 4 * q((last[1] + next[1]) / 2)) / 6;
      last = next;
    }
  }
  return Math.abs(sum) * a * a / 2;
}

// Transverse Mercator after Krueger, to the sixth order: east and north in metres of a central meridian.
function transverse(lon, lat, meridian, ellipsoid, scale) {
  const { a, f } = ellipsoid, n = f / (2 - f);
  const [n2, n3, n4, n5, n6] = [n ** 2, n ** 3, n ** 4, n ** 5, n ** 6];
  const radius = (a / (1 + n)) * (1 + n2 / 4 + n4 / 64 + n6 / 256);
  const alpha = [n / 2 - (2 * n2) / 3 + (5 * n3) / 16 + (41 * n4) / 180 - (127 * n5) / 288 + (7891 * n6) / 37800,
    (13 * n2) / 48 - (3 * n3) / 5 + (557 * n4) / 1440 + (281 * n5) / 630 - (1983433 * n6) / 1935360,
    (61 * n3) / 240 - (103 * n4) / 140 + (15061 * n5) / 26880 + (167603 * n6) / 181440,
    (49561 * n4) / 161280 - (179 * n5) / 168 + (6601661 * n6) / 7257600, (34729 * n5) / 80640 - (3418889 * n6) / 1995840, (212378941 * n6) / 319334400];
  const e = Math.sqrt(f * (2 - f)), s = Math.sin(lat * RAD), l = wrapped(lon - meridian) * RAD;
  const t = Math.sinh(Math.atanh(s) - e * Math.atanh(e * s));
  const xi = Math.atan2(t, Math.cos(l)), eta = Math.asinh(Math.sin(l) / Math.hypot(t, Math.cos(l)));
  let north = xi, east = eta;
  alpha.forEach((part, k) => { north += part * Math.sin(2 * (k + 1) * xi) * Math.cosh(2 * (k + 1) * eta); east += part * Math.cos(2 * (k + 1) * xi) * Math.sinh(2 * (k + 1) * eta); });
  return [scale * radius * east, scale * radius * north];
}

// East and north: of the 3-degree Gauss-Krueger zone of CGCS2000 where that is defined, else of UTM.
function projected(lon, lat) {
  const zone = Math.round(lon / 3);
  if (zone >= 25 && zone <= 45 && lat >= 0 && lat <= 60) {
    const [east, north] = transverse(lon, lat, 3 * zone, CGCS2000, 1);
    return { kind: 'CGCS2000', name: `CGCS2000 / 3° GK CM ${3 * zone}E`, zone, meridian: 3 * zone, east: east + 500000, north };
  }
  const utm = Math.min(60, Math.floor((((lon + 180) % 360) + 360) % 360 / 6) + 1);
  const [east, north] = transverse(lon, lat, 6 * utm - 183, WGS84, 0.9996);
  return { kind: 'UTM', name: `WGS 84 / UTM ${utm}${lat < 0 ? 'S' : 'N'}`, zone: utm, meridian: 6 * utm - 183, east: east + 500000, north: north + (lat < 0 ? 1e7 : 0) };
}

// Degrees as people write them: 'd' 120.123456, 'dm' 120°07.4074′, 'dms' 120°07′24.44″, each with its letter.
function written(lon, lat, style) {
  if (style === 'd') return `${lon.toFixed(6)}, ${lat.toFixed(6)}`;
  const one = (value, signs) => {
    const sign = value < 0 ? signs[1] : signs[0];
    const pad = (part, size) => String(part).padStart(size, '0');
    if (style === 'dm') {
      const whole = Math.round(Math.abs(value) * 60e4);
      return `${Math.floor(whole / 60e4)}°${((whole % 60e4) / 1e4).toFixed(4).padStart(7, '0')}′${sign}`;
    }
    const whole = Math.round(Math.abs(value) * 3600e2);
    return `${Math.floor(whole / 3600e2)}°${pad(Math.floor((whole % 3600e2) / 60e2), 2)}′${((whole % 60e2) / 1e2).toFixed(2).padStart(5, '0')}″${sign}`;
  };
  return `${one(lon, 'EW')}, ${one(lat, 'NS')}`;
}

// Reads a position in degrees, degrees and minutes, or degrees, minutes and seconds, in either order; null if it is none.
function readPosition(text) {
  const plain = String(text).normalize('NFKC').replace(/[度°º]/g, 'd').replace(/[秒″”"]|[′’']{2}/g, 's').replace(/[分′’']/g, 'm').replace(/[东東]经?/g, 'E').replace(/西经?/g, 'W').replace(/北纬?/g, 'N').replace(/南纬?/g, 'S').toUpperCase();
  const number = '(\\d+(?:\\.\\d+)?)';
  const pattern = new RegExp(`([NSEW])?\\s*([-−])?${number}(?:\\s*D\\s*(?:${number}\\s*M)?\\s*(?:${number}\\s*S)?)?\\s*([NSEW])?`, 'g');
  const found = [...plain.matchAll(pattern)].slice(0, 3).map((part) => {
    const letter = part[1] || part[6] || '';
    const value = Number(part[3]) + Number(part[4] || 0) / 60 + Number(part[5] || 0) / 3600;
    return { letter, value: part[2] || letter === 'S' || letter === 'W' ? -value : value };
  });
  if (found.length !== 2 || plain.replace(pattern, '').replace(/[\s,;、]/g, '')) return null;
  let [lon, lat] = found;
  if (/[NS]/.test(lon.letter) || /[EW]/.test(lat.letter) || (!lon.letter && !lat.letter && Math.abs(lat.value) > 90 && Math.abs(lon.value) <= 90)) [lon, lat] = [lat, lon];
  return Math.abs(lon.value) <= 180 && Math.abs(lat.value) <= 85 ? { lon: lon.value, lat: lat.value } : null;
}

const POINTS = { zh: ['北', '东北', '东', '东南', '南', '西南', '西', '西北'], en: ['N', 'NE', 'E', 'SE', 'S', 'SW', 'W', 'NW'] };
const pointOf = (bearing, lang) => POINTS[lang][Math.round(bearing / 45) % 8];
