#pragma once

#include <libnet/runtime/frame_pool.hpp>

#include <cstddef>
#include <new>

namespace libnet::detail {

/// Memory for one of Asio's operation objects at a time, inside the object that starts it. A larger
/// or a second one comes from the heap.
class operation_memory {
public:
    operation_memory() noexcept = default;
    operation_memory(const operation_memory&) = delete;
    operation_memory& operator=(const operation_memory&) = delete;

    void* allocate(std::size_t size)
    {
        if (!taken_ && size <= sizeof storage_) {
            taken_ = true;
            return storage_;
        }
        return ::operator new(size);
    }

    void deallocate(void* memory) noexcept
    {
        if (memory == storage_) {
            taken_ = false;
        } else {
            ::operator delete(memory);
        }
    }

private:
    alignas(std::max_align_t) std::byte storage_[192];
    bool taken_ = false;
};

/// The allocator by which a handler lends that memory to Asio.
template <class T>
class operation_allocator {
public:
    using value_type = T;

    explicit operation_allocator(operation_memory& memory) noexcept : memory_(&memory) {}
    template <class U>
    operation_allocator(const operation_allocator<U>& other) noexcept : memory_(other.memory_)
    {
    }

    T* allocate(std::size_t count) { return static_cast<T*>(memory_->allocate(count * sizeof(T))); }
    void deallocate(T* memory, std::size_t) noexcept { memory_->deallocate(memory); }

    template <class U>
    bool operator==(const operation_allocator<U>& other) const noexcept
    {
        return memory_ == other.memory_;
    }

private:
    template <class>
    friend class operation_allocator;

    operation_memory* memory_;
};

/// For operations that are rare enough not to keep memory for them: it is recycled as that of tasks.
template <class T>
class recycling_allocator {
public:
    using value_type = T;

    recycling_allocator() noexcept = default;
    template <class U>
    recycling_allocator(const recycling_allocator<U>&) noexcept
    {
    }

    T* allocate(std::size_t count) { return static_cast<T*>(allocate_frame(count * sizeof(T))); }
    void deallocate(T* memory, std::size_t count) noexcept
    {
        free_frame(memory, count * sizeof(T));
    }

    template <class U>
    bool operator==(const recycling_allocator<U>&) const noexcept
    {
        return true;
    }
};

/// A handler whose operation lives in lent memory: starting it cannot fail for want of memory.
template <class Function>
struct lent_memory_handler {
    using allocator_type = operation_allocator<std::byte>;
    allocator_type get_allocator() const noexcept { return allocator_type(*memory); }

    template <class... Arguments>
    void operator()(const Arguments&... arguments)
    {
        function(arguments...);
    }

    operation_memory* memory;
    Function function;
};

template <class Function>
lent_memory_handler(operation_memory*, Function) -> lent_memory_handler<Function>;

}  // namespace libnet::detail
