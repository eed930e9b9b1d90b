/** Whose the folder of a bridge's socket is, as seen inside a sandbox. */
import { AGENT_UID } from '../../container/contract/tunnel.ts'

/**
 * A control plane that is not root keeps the folder as its own. Where its user has the number of the agent's, the agent may close
 * the folder or take the socket away, and so cut itself off; what it puts there instead is still not connected to.
 */
export const OWNS_SOCKET_FOLDER = process.getuid?.() === AGENT_UID
