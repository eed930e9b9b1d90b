import { makeProcessRig } from '../support/process-rig.ts'
import { describeSandboxDriver } from './sandbox-driver.ts'

describeSandboxDriver('process', makeProcessRig)
