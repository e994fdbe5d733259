// Posts each line of a file to the baseline, one after the other over one connection, and prints the seconds it took.
// node load.js ADDRESS FILE
const http = require('node:http');
const { readFileSync } = require('node:fs');

const [address, file] = process.argv.slice(2);
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function post(body) {
  return new Promise((done, failed) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const request = http.request(`${address}/clients/batch`, { agent, method: 'POST', headers }, answer => {
      answer.resume();
      answer.on('end', () => (answer.statusCode === 201 ? done() : failed(new Error(`the baseline answers ${answer.statusCode}`))));
    });
    request.on('error', failed);
    request.end(body);
  });
}

(async () => {
  const bodies = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  const began = process.hrtime.bigint();
  for (const body of bodies) await post(body);
  console.log((Number(process.hrtime.bigint() - began) / 1e9).toFixed(3));
  agent.destroy();
})();
