// What the scripts beside it share: requests over kept connections.
const http = require('node:http');

const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });

// The answer's body, read as JSON; another status than 2xx is an error.
function ask(method, url, key, body, extra) {
  return new Promise((done, failed) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = { accept: 'application/json', ...extra };
    if (key) headers.authorization = `Bearer ${key}`;
    if (text) Object.assign(headers, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
    const request = http.request(url, { agent, method, headers }, answer => {
      const pieces = [];
      answer.on('data', piece => pieces.push(piece));
      answer.on('error', failed);
      answer.on('end', () => {
        const said = Buffer.concat(pieces).toString();
        if (answer.statusCode >= 300) failed(new Error(`${method} ${url} answers ${answer.statusCode}: ${said.slice(0, 500)}`));
        else done(said ? JSON.parse(said) : null);
      });
    });
    request.on('error', failed);
    request.end(text);
  });
}

// Seconds since a moment of process.hrtime.bigint().
const since = began => Number(process.hrtime.bigint() - began) / 1e9;

const CUSTOM = ['cf_segment', 'cf_manager', 'cf_fee', 'cf_employees', 'cf_next_review', 'cf_newsletter', 'cf_language', 'cf_notes'];
// The columns of the baseline's answer.
const COLUMNS = ['name', 'reference', 'email', 'town', 'phone', 'archived', ...CUSTOM.map(name => `fields.${name}`)];

const where = (field, op, value) => ({ field: `fields.${field}`, op, value });
const listPath = (filter, sort) => `/v1/client-rows?columns=${COLUMNS}&limit=50&sort=${sort}&filter=${encodeURIComponent(JSON.stringify(filter))}`;

module.exports = { ask, since, where, listPath, finish: () => agent.destroy() };
