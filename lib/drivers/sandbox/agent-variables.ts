/** Which variables a person may give an agent: those that would run code in the bridge, or pass for the driver's own, are refused. */
import { BerthError } from '../../errors.ts'

const NOT_FOR_AGENTS = /^(BERTH_.*|NODE_OPTIONS|NODE_PATH|NODE_REPL_.*|LD_.*|GCONV_PATH|OPENSSL_CONF)$/

/** Throws `validation_failed` with every name that an agent cannot have. */
export function assertAgentVariables(agentEnv: Record<string, string>): void {
  const refused = Object.keys(agentEnv).filter((name) => NOT_FOR_AGENTS.test(name))
  if (refused.length === 0) return
  throw new BerthError(
    'validation_failed',
    `An agent cannot have the variable ${refused.join(', ')}: it would change the bridge.`,
    {
      hint: 'Set it in the commands that need it, or in the setup script.',
      fields: refused.map((name) => ({ path: `env.${name}`, message: 'is not allowed' })),
    },
  )
}
