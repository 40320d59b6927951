#pragma once

#include <libnet/framing/framing.hpp>

#include <memory>
#include <utility>

namespace libnet {

/// Any framing behind one type: what options, servers and connections hold. Copying copies the
/// framing, with whatever it remembers. Calls cost a virtual call, which disappears beside the
/// system call that brought the bytes.
class any_framing {
public:
    // Not itself first: whether any_framing is a framing depends on its being copyable.
    template <class F>
        requires(!std::same_as<F, any_framing>) && framing<F>
    any_framing(F f) : model_(std::make_unique<model<F>>(std::move(f)))  // implicit on purpose
    {
    }

    any_framing(const any_framing& other) : model_(other.model_->clone()) {}
    any_framing(any_framing&&) noexcept = default;
    any_framing& operator=(any_framing other) noexcept
    {
        model_ = std::move(other.model_);
        return *this;
    }
    ~any_framing() = default;

    decoded decode(bytes received) { return model_->decode(received); }
    void encode(bytes payload, envelope& out) { model_->encode(payload, out); }

private:
    struct interface {
        virtual ~interface() = default;
        virtual decoded decode(bytes received) = 0;
        virtual void encode(bytes payload, envelope& out) = 0;
        virtual std::unique_ptr<interface> clone() const = 0;
    };

    template <class F>
    struct model final : interface {
        explicit model(F f) : framing_(std::move(f)) {}
        decoded decode(bytes received) override { return framing_.decode(received); }
        void encode(bytes payload, envelope& out) override { framing_.encode(payload, out); }
        std::unique_ptr<interface> clone() const override
        {
            return std::make_unique<model>(framing_);
        }

        F framing_;
    };

    std::unique_ptr<interface> model_;
};

}  // namespace libnet
