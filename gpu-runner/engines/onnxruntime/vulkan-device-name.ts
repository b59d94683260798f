/**
 * @file The name of the GPU, from Vulkan (vulkan_core.h, 1.0): ONNX Runtime does not report it. A broken driver
 * crashes.
 */
import koffi from '../koffi.ts';

const LIBRARY = 'libvulkan.so.1';
/** VkInstanceCreateInfo without layers and extensions: a type (1), then zeros. */
const INSTANCE_INFO = { bytes: 64, type: 1 } as const;
const MAX_DEVICES = 16;
/** Offsets of the fields of VkPhysicalDeviceProperties that are read; `bytes` is more than its size. */
const PROPERTIES = { bytes: 2048, type: 16, name: 20, nameBytes: 256 } as const;
/** VkPhysicalDeviceType in the order of preference of a fast adapter: discrete, integrated, virtual, CPU, other. */
const PREFERENCE = [2, 1, 3, 4, 0];
const CPU_TYPE = 4;

/** Name of the device that a fast adapter uses; undefined if it cannot be known. */
export function nameVulkanDevice(): string | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    const [first] = listDevices().sort((a, b) => PREFERENCE.indexOf(a.type) - PREFERENCE.indexOf(b.type));
    return first && (first.type === CPU_TYPE ? `${first.name}, in software` : first.name);
  } catch {
    // The name is optional. Other code finds out whether the device works.
    return undefined;
  }
}

function listDevices(): { readonly type: number; readonly name: string }[] {
  const library = koffi.load(LIBRARY);
  const createInstance = library.func('int vkCreateInstance(void* info, void* allocator, _Out_ void** instance)');
  const destroyInstance = library.func('void vkDestroyInstance(void* instance, void* allocator)');
  const enumerate = library.func(
    'int vkEnumeratePhysicalDevices(void* instance, _Inout_ uint32_t* count, void* devices)',
  );
  const getProperties = library.func('void vkGetPhysicalDeviceProperties(void* device, void* properties)');

  const info = Buffer.alloc(INSTANCE_INFO.bytes);
  info.writeInt32LE(INSTANCE_INFO.type);
  const instance: unknown[] = [null];
  if (createInstance(info, null, instance) !== 0) return [];
  try {
    const count = [MAX_DEVICES];
    const handles = new BigUint64Array(MAX_DEVICES);
    // VK_INCOMPLETE (5): there are more devices than MAX_DEVICES.
    const result = enumerate(instance[0], count, handles);
    if (result !== 0 && result !== 5) return [];
    return [...handles.subarray(0, count[0])].map(handle => {
      const properties = Buffer.alloc(PROPERTIES.bytes);
      getProperties(handle, properties);
      const name = properties.subarray(PROPERTIES.name, PROPERTIES.name + PROPERTIES.nameBytes);
      return { type: properties.readUInt32LE(PROPERTIES.type), name: name.toString('utf8', 0, name.indexOf(0)) };
    });
  } finally {
    destroyInstance(instance[0], null);
  }
}
