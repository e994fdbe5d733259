// A stand-in for the SML and an SMP: a zone in which three of every five participants are registered, service groups, the
// configurations of knot and nginx, and the list of participants. With KIND `one` all share one file as their service
// group; with `each` every participant has its own, which lists no invoice, so that two questions are enough there, too.
// node make_world.js FOLDER COUNT DNS_PORT HTTP_PORT KIND
const { createHash } = require('node:crypto');
const { mkdirSync, writeFileSync } = require('node:fs');

const [folder, count, dnsPort, httpPort] = [process.argv[2], ...process.argv.slice(3, 6).map(Number)];
const isEach = process.argv[6] === 'each';
const ZONE = 'sml.test.';
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

function base32(bytes) {
  let text = '', value = 0, bits = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET[(value >>> (bits - 5)) & 31];
    value &= (1 << bits) - 1;
  }
  return bits ? text + ALPHABET[(value << (5 - bits)) & 31] : text;
}

function reference(document, participant) {
  const type = `busdox-docid-qns::urn:oasis:names:specification:ubl:schema:xsd:${document}-2::${document}`
    + '##urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0::2.1';
  const url = `http://127.0.0.1:${httpPort}/smp/iso6523-actorid-upis%3A%3A${participant.replace(':', '%3A')}/services/${encodeURIComponent(type)}`;
  return `<ServiceMetadataReference href="${url}"/>`;
}

function number(i) {
  return isEach ? String(4_000_000 + i).padStart(8, '0') + String(97 - ((4_000_000 + i) % 97)).padStart(2, '0') : String(i).padStart(10, '0');
}

const zone = [`$ORIGIN ${ZONE}`, '$TTL 60', `@ SOA ns.${ZONE} x.${ZONE} 1 3600 600 86400 60`, `@ NS ns.${ZONE}`, 'ns A 127.0.0.1'];
const participants = [];
for (let i = 0; i < count; i++) {
  const id = `0208:${number(i)}`;
  const isRegistered = i % 5 < 3;
  const label = base32(createHash('sha256').update(id).digest());
  if (isRegistered) zone.push(`${label}.iso6523-actorid-upis NAPTR 100 10 "U" "Meta:SMP" "!.*!http://127.0.0.1:${httpPort}/smp!" .`);
  participants.push(`${id}\t${Number(isRegistered)}`);
}
const others = ['ApplicationResponse', 'Order', 'OrderResponse', 'DespatchAdvice'];
function group(participant) {
  const references = (isEach ? others : ['Invoice', 'CreditNote', ...others]).map(document => reference(document, participant));
  return '<?xml version="1.0" encoding="UTF-8"?><ServiceGroup xmlns="http://busdox.org/serviceMetadata/publishing/1.0/">'
    + `<ParticipantIdentifier xmlns="http://busdox.org/transport/identifiers/1.0/" scheme="iso6523-actorid-upis">${participant}</ParticipantIdentifier>`
    + `<ServiceMetadataReferenceCollection>${references.join('')}</ServiceMetadataReferenceCollection></ServiceGroup>`;
}
const answer = isEach
  ? `location ~ "^/smp/iso6523-actorid-upis::(?<participant>0208:[0-9]{10})$" { default_type text/xml; return 200 '${group('$participant')}'; }`
  : 'location /smp/ { try_files /smp/sg.xml =404; }';
const knot = `server:
  listen: 127.0.0.1@${dnsPort}
  rundir: ${folder}
  udp-workers: 1
  tcp-workers: 1
database:
  storage: ${folder}/db
zone:
  - domain: ${ZONE}
    file: ${folder}/sml.zone
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
log:
  - target: stderr
    any: error
`;
const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(kind => `${kind}_temp_path ${folder}/${kind};`);
const nginx = `worker_processes 1;
daemon off;
pid ${folder}/nginx.pid;
error_log ${folder}/nginx.log;
events { worker_connections 4096; }
http {
  ${temporary.join('\n  ')}
  access_log off;
  keepalive_requests 1000000000;
  types { text/xml xml; }
  open_file_cache max=100;
  server {
    listen 127.0.0.1:${httpPort} backlog=4096;
    root ${folder}/www;
    ${answer}
  }
}
`;

mkdirSync(`${folder}/www/smp`, { recursive: true });
mkdirSync(`${folder}/db`, { recursive: true });
writeFileSync(`${folder}/sml.zone`, zone.join('\n') + '\n');
writeFileSync(`${folder}/participants.tsv`, participants.join('\n') + '\n');
writeFileSync(`${folder}/www/smp/sg.xml`, group('0208:0000000000'));
writeFileSync(`${folder}/knot.conf`, knot);
writeFileSync(`${folder}/nginx.conf`, nginx);
