// Asks mailauth, version 4 or 7, what it makes of the lab: each line that comes in is a
// question in JSON, each line that goes out its answer. The folder that mailauth was
// installed into is the argument. Where it has one, its strict mode is asked, which
// says that it follows the RFC.
const { Resolver } = require('node:dns').promises;
const lib = name => require(`${process.argv[2]}/node_modules/mailauth/lib/${name}`);

const asks = {
    spf: async ({ ip, sender, helo, resolver }) => {
        const found = await lib('spf').spf({ ip, sender, helo, resolver, strict: true, mta: 'mx.lab.example' });
        return found.status.result;
    },
    dmarc: async ({ domain, resolver }) => {
        const found = await lib('dmarc').dmarc({
            headerFrom: [`a@${domain}`],
            fromFields: 1,
            spfDomains: [],
            dkimDomains: [],
            resolver,
            strict: true
        });
        if (!found || found.status.result === 'none') {
            return 'no record';
        }
        // Version 4 does not say where the record stands, nor that a record has no policy.
        return found.policyDomain ? `${found.policyDomain} ${found.policy}` : found.policy || 'no record';
    },
    dkim: async ({ message, resolver }) => {
        const found = await lib('dkim/verify').dkimVerify(Buffer.from(message, 'base64'), {
            resolver,
            strict: true
        });
        const holds = found.results.filter(one => one.status.result === 'pass');
        return holds.map(one => `${one.selector}._domainkey.${one.signingDomain}`.toLowerCase());
    },
    'sts-record': async ({ domain, resolver }) => {
        try {
            return (await lib('mta-sts').resolvePolicy(domain, { resolver, strict: true })) ? 'applies' : 'none';
        } catch (error) {
            return error.code === 'multi_sts_records' ? 'none' : `crash: ${error.code}`;
        }
    },
    'sts-policy': async ({ text }) => {
        try {
            return lib('mta-sts').parsePolicy(text, { strict: true }).mode;
        } catch (error) {
            return 'invalid';
        }
    }
};

const answer = async question => {
    try {
        let resolver;
        if (question.server) {
            const made = new Resolver({ timeout: 2000, tries: 1 });
            made.setServers([question.server]);
            resolver = (name, type) => made.resolve(name, type);
        }
        return await asks[question.what]({ ...question, resolver });
    } catch (error) {
        return `crash: ${error.code || error.message}`;
    }
};

require('node:readline')
    .createInterface({ input: process.stdin })
    .on('line', async line => console.log(JSON.stringify({ answer: await answer(JSON.parse(line)) })));
