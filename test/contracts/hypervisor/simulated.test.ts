import { SimulatedClock } from '#simulators/clock/SimulatedClock.ts';
import { SimulatedHypervisor } from '#simulators/hypervisor/SimulatedHypervisor.ts';
import { SimulatedRandom } from '#simulators/random/SimulatedRandom.ts';
import { hypervisorContract } from './suite.ts';
